-- Told to wrk: one line of JSON after its own report; times in microseconds.
done = function(summary, latency, requests)
  local bad = summary.errors
  io.write(string.format(
    '{"p50": %d, "p95": %d, "p99": %d, "requests": %d, "microseconds": %d, "bytes": %d, "status": %d, "failed": %d}\n',
    latency:percentile(50), latency:percentile(95), latency:percentile(99), summary.requests, summary.duration,
    summary.bytes, bad.status, bad.connect + bad.read + bad.write + bad.timeout))
end
