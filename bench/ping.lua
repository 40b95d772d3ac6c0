-- wrk's request: the body that MCMOCK_BODY says to the session that MCMOCK_PATH names.
wrk.method = "POST"
wrk.path = os.getenv("MCMOCK_PATH")
wrk.headers["Content-Type"] = "application/json"
wrk.body = os.getenv("MCMOCK_BODY")
if os.getenv("MCMOCK_CLOSES") ~= "" then wrk.headers["Connection"] = "close" end

done = function(summary, latency, requests)
  io.write(string.format('RESULT {"requests":%d,"microseconds":%d,"p50":%.3f,"p99":%.3f,"max":%.3f,"errors":%d,"refused":%d}\n',
    summary.requests, summary.duration, latency:percentile(50) / 1000, latency:percentile(99) / 1000, latency.max / 1000,
    summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout, summary.errors.status))
end
