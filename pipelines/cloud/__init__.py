"""The compiled pipeline: Vertex AI, Kubeflow, and its replay here."""
