"""gunicorn's settings. Everything that differs between machines comes from the environment."""

import os

bind = os.environ.get("BIND", "127.0.0.1:8000")
worker_class = "gthread"
workers = int(os.environ.get("WEB_WORKERS", "2"))
threads = int(os.environ.get("WEB_THREADS", "4"))
timeout = 120  # seconds without a sign of life from a worker; long work is a job, never a request
graceful_timeout = 30
keepalive = 5
max_requests = 20_000  # a slow leak never gets far
max_requests_jitter = 2_000
limit_request_line = 8190
limit_request_field_size = 16_380
no_control_socket = True  # it would let anybody with this account steer the server
worker_tmp_dir = "/dev/shm"  # noqa: S108 — the heartbeat file, on memory: a slow disk must not get a worker killed
forwarded_allow_ips = os.environ.get("FORWARDED_ALLOW_IPS", "127.0.0.1")
# Path without query: a search must not leave a name in a log. What gunicorn logs of faults goes to stderr.
accesslog = "-" if os.environ.get("ACCESS_LOG") else None
access_log_format = '%(h)s %(t)s "%(m)s %(U)s" %(s)s %(b)s %(M)sms'
