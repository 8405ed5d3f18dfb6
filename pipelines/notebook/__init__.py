"""What a notebook shows of finished runs. To import it is all the set-up that a notebook needs.

It chooses Keras 2, as the pipeline does, before TensorFlow is imported, keeps what libraries say of
themselves out of the cells, and lets pandas show names as they are.
"""

import os

os.environ["TF_USE_LEGACY_KERAS"] = "1"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import pandas as pd

from albert_tfx.prediction.pushed_model import silenced_errors

with silenced_errors():  # C++ writes there before anything can ask it not to
    import tensorflow as tf
    import tfx_bsl.public.tfxio  # noqa: F401  has a C++ library of its own

tf.get_logger().setLevel("ERROR")  # TFMA calls what TensorFlow deprecates
pd.options.display.float_format = "{:,.3f}".format
pd.options.display.html.use_mathjax = False  # a label may be called $x$
pd.options.display.max_colwidth = None
pd.options.display.width = 160
pd.options.display.max_columns = 30
