"""TF-IDF with logistic regression: trained by scikit-learn, served by TensorFlow."""
