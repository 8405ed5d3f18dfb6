"""What a run may have found; see `albert_tfx.report.summary`."""

SUMMARY = {
    "winner": "fine_tuned",
    "pushed": True,
    "pushed_model": "serving/7",
    "reason": "fine_tuned is more accurate",
    "models": {
        "frozen": {
            "accuracy": 0.812,
            "accuracy_lower": 0.79,
            "accuracy_upper": 0.83,
            "auc": 0.9,
            "log_loss": 0.5,
            "train_seconds": 12.3,
            "trainable_parameters": 8_385,
        },
        "fine_tuned": {
            "accuracy": 0.875,
            "accuracy_lower": None,
            "accuracy_upper": None,
            "auc": None,
            "log_loss": 0.25,
            "train_seconds": 1234.5,
            "trainable_parameters": 1_234_567,
        },
    },
    "difference": {"accuracy": {"value": 0.063, "lower": -0.01, "upper": 0.135}},
    "production": {"reason": "There is no other model in production yet."},
    "test": {
        "model": "fine_tuned",
        "accuracy": 0.87,
        "accuracy_lower": 0.85,
        "accuracy_upper": 0.89,
        "examples": 1_500,
    },
    "duplicates": {
        "keep": False,
        "removed": {
            "eval": {"exact": 1, "near": 0},
            "test": {"exact": 0, "near": 0},
            "train": {"exact": 1200, "near": 34},
        },
    },
    "yardstick": {
        "eval": {
            "accuracy": 0.75,
            "accuracy_lower": 0.73,
            "accuracy_upper": 0.77,
            "auc": 0.8,
            "log_loss": 0.6,
        },
        "gain": {
            "frozen": {"accuracy": {"value": 0.062, "lower": 0.04, "upper": 0.08}},
            "fine_tuned": {"accuracy": {"value": 0.125, "lower": 0.1, "upper": 0.15}},
        },
        "train_seconds": 0.9,
        "trainable_parameters": 25_001,
    },
}
