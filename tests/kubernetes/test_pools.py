"""The manifests for Kubernetes have one of all for each pool, and what they say of workers is what these do."""

from rollcast.topology import POOLS, progress_queue, spool_queue, step_queue
from tests.kubernetes import manifests as k8s
from tests.kubernetes.manifests import Manifest, matches, of_kind, worker
from workers.process.patience import WAIT_S
from workers.process.stopping import DRAIN_S, LEAVE_S
from workers.runner import BATCH, SLOTS
from workers.settings import Settings

CASTING = {"s290", "s300", "spool"}


def test_each_pool_has_one_deployment(deployments: dict[str, Manifest]) -> None:
    """Which runs this pool alone, and has its own pods and nobody else's."""
    assert tuple(deployments) == tuple(sorted(POOLS))
    for pool, deployment in deployments.items():
        assert worker(deployment)["args"] == [pool]
        selector = deployment["spec"]["selector"]
        assert [name for name, other in deployments.items() if matches(selector, k8s.labels(other))] == [pool]


def test_only_the_clock_has_a_fixed_number(deployments: dict[str, Manifest]) -> None:
    """What the autoscaler sets is set nowhere else."""
    fixed = {
        pool: found["spec"]["replicas"] for pool, found in deployments.items() if "replicas" in found["spec"]
    }
    assert fixed == {"clock": 2}


def test_each_pool_can_be_disturbed_by_one_worker_at_a_time(
    example: list[Manifest], deployments: dict[str, Manifest]
) -> None:
    """Its budget is for its pods and no others, and never forbids all."""
    budgets = of_kind(example, "PodDisruptionBudget")
    for pool in POOLS:
        spec = budgets[f"rollcast-{pool}"]["spec"]
        assert spec["maxUnavailable"] == 1
        assert "minAvailable" not in spec
        touched = [
            name for name, found in deployments.items() if matches(spec["selector"], k8s.labels(found))
        ]
        assert touched == [pool]


def test_each_pool_with_a_queue_grows_with_it(example: list[Manifest]) -> None:
    """The queue's name is the topology's; one worker is always there; the threshold is what one takes at a time."""
    queues = {
        pool: step_queue("main", pool, ()) for pool in POOLS if pool not in {"spool", "progress", "clock"}
    }
    queues |= {"spool": spool_queue("main"), "progress": progress_queue("main", ())}
    scaled = of_kind(example, "ScaledObject")
    assert set(scaled) == {f"rollcast-{pool}" for pool in queues}
    for pool, queue in queues.items():
        spec = scaled[f"rollcast-{pool}"]["spec"]
        assert spec["scaleTargetRef"] == {"name": f"rollcast-{pool}"}
        assert spec["minReplicaCount"] == 1
        (trigger,) = spec["triggers"]
        assert trigger["metadata"]["queueName"] == queue.name
        assert int(trigger["metadata"]["value"]) == (BATCH if pool in CASTING else BATCH * SLOTS)


def test_a_worker_has_the_time_that_it_needs(deployments: dict[str, Manifest]) -> None:
    """To wait for database and broker when it starts, and to finish what it has in hand when it ends."""
    for deployment in deployments.values():
        assert k8s.pod(deployment)["terminationGracePeriodSeconds"] > DRAIN_S + LEAVE_S
        startup = worker(deployment)["startupProbe"]
        assert startup["periodSeconds"] * startup["failureThreshold"] > 2 * WAIT_S


def test_probes_ask_the_port_of_the_metrics(deployments: dict[str, Manifest]) -> None:
    """Which is the one that workers open by themselves."""
    by_itself = Settings.read(
        {"ROLLCAST_DOMAINS": "acme", "ROLLCAST_AMQP_URL": "amqp://server-main:secret@broker/"}
    ).metrics_port
    for deployment in deployments.values():
        container = worker(deployment)
        assert container["ports"] == [{"name": "metrics", "containerPort": by_itself}]
        asked = {name: container[f"{name}Probe"]["httpGet"] for name in ("startup", "liveness", "readiness")}
        assert asked == {
            "startup": {"path": "/livez", "port": "metrics"},
            "liveness": {"path": "/livez", "port": "metrics"},
            "readiness": {"path": "/readyz", "port": "metrics"},
        }


def test_workers_keep_to_the_restricted_standard(deployments: dict[str, Manifest]) -> None:
    """Of Kubernetes' pod security standards; besides, they write nowhere but in volumes, and have no token."""
    for deployment in deployments.values():
        pod, container = k8s.pod(deployment), worker(deployment)
        assert pod["automountServiceAccountToken"] is False
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["runAsUser"] > 0
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert not {"hostNetwork", "hostPID", "hostIPC"} & set(pod)
        allowed = {"projected", "emptyDir", "persistentVolumeClaim", "secret", "configMap"}
        assert {kind for volume in pod["volumes"] for kind in volume if kind != "name"} <= allowed
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }


def test_memory_is_bounded_and_the_processor_is_not(deployments: dict[str, Manifest]) -> None:
    """A throttled worker would miss its heartbeats."""
    for deployment in deployments.values():
        resources = worker(deployment)["resources"]
        assert set(resources["requests"]) == {"cpu", "memory"}
        assert set(resources["limits"]) == {"memory"}
