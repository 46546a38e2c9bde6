/** The flags of the service and their defaults, which are those of the pod in `docs/s3proxy.yaml`; README.md explains them. */
export const FLAG_DEFAULTS = {
  host: "0.0.0.0",
  port: 4433,
  "health-host": "0.0.0.0",
  "health-port": 4434,
  domain: "",
  tls: "/tls",
  region: "us-east-1",
  clients: "/credentials/clients.json",
  "store-endpoint": "",
  "store-region": "us-east-1",
  "store-credentials": "/credentials/store.json",
  "store-ca": "",
  "key-service": "key-service.kube-system.svc:9445",
  "services-ca": "/services-ca/ca.crt",
  "key-service-token": "/key-service-token/token",
  "allow-plaintext-reads": "false",
} as const;
