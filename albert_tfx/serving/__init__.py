"""Answers by HTTP with the newest pushed model, in the form of TensorFlow Serving's REST."""
