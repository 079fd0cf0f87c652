"""Scoring very many responses: each exactly once, through crashes, lost answers and rate limits.

From the input to the results::

    source -> checks -> batches -> job -> reconcile -> result
                           |        |
                        journal   limiter

``source`` pulls rows, ``checks`` refuses bad ones, ``batches`` cuts the stream; ``job`` sends batches and keeps the
``journal``; what was sent without an answer goes to ``reconcile``; all requests wait their turn at the ``limiter``.
"""
