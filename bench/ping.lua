-- wrk's request: one ping with quality data to the session that MCMOCK_PATH names.
wrk.method = "POST"
wrk.path = os.getenv("MCMOCK_PATH")
wrk.headers["Content-Type"] = "application/json"
wrk.body = '{"eventType":"ping","playerTime":{"playhead":12.5,"ts":1700000010000},"qoeData":{"media.qoe.bitrate":3200,' ..
  '"media.qoe.droppedFrames":2,"media.qoe.framesPerSecond":25,"media.qoe.timeToStart":800}}'

done = function(summary, latency, requests)
  io.write(string.format('RESULT {"requests":%d,"microseconds":%d,"p50":%.3f,"p99":%.3f,"max":%.3f,"errors":%d,"refused":%d}\n',
    summary.requests, summary.duration, latency:percentile(50) / 1000, latency:percentile(99) / 1000, latency.max / 1000,
    summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout, summary.errors.status))
end
