"""Certificates for tests, made by `openssl`: of an authority of their own, good and bad ones."""

import ssl
import subprocess
from pathlib import Path

HERE = "IP:127.0.0.1,DNS:localhost"
NEW_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")


class Authority:
    """Signs certificates in a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.file = folder / "ca.pem"
        _openssl(
            "req", "-x509", *NEW_KEY, "-keyout", self._key("ca"), "-out", self.file, "-subj", "/CN=tests"
        )

    def server(self, name: str, names: str = HERE, days: int = 2) -> ssl.SSLContext:
        """What a server needs that has a certificate for these names and so many days; below 0 it has expired."""
        request, extensions, certificate = (self._folder / f"{name}.{kind}" for kind in ("csr", "ext", "pem"))
        extensions.write_text(f"subjectAltName={names}\n")
        _openssl("req", *NEW_KEY, "-keyout", self._key(name), "-out", request, "-subj", f"/CN={name}")
        signed = ("-CA", self.file, "-CAkey", self._key("ca"), "-CAcreateserial", "-days", str(days))
        _openssl("x509", "-req", "-in", request, "-out", certificate, "-extfile", extensions, *signed)
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(certificate, self._key(name))
        return context

    def _key(self, name: str) -> Path:
        return self._folder / f"{name}.key"


def _openssl(*words: str | Path) -> None:
    subprocess.run(["openssl", *words], check=True, capture_output=True, timeout=60)
