"""Edge policy: what Envoy does before a request reaches a service."""
