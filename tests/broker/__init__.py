"""How our access to the broker behaves on a real RabbitMQ."""
