"""The tests: `unit` needs nothing, `contract` the schemas, `broker` and `e2e` a RabbitMQ."""
