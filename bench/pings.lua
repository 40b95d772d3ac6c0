-- wrk's requests: pings with quality data to the sessions whose paths are the lines of the file that MCMOCK_PATHS names.
local paths = {}
for line in io.lines(os.getenv("MCMOCK_PATHS")) do paths[#paths + 1] = line end
local headers = { ["Content-Type"] = "application/json" }
local body = '{"eventType":"ping","playerTime":{"playhead":12.5,"ts":1700000010000},"qoeData":{"media.qoe.bitrate":3200,' ..
  '"media.qoe.droppedFrames":2,"media.qoe.framesPerSecond":25,"media.qoe.timeToStart":800}}'

init = function() math.randomseed(os.time()) end

request = function() return wrk.format("POST", paths[math.random(#paths)], headers, body) end

done = function(summary, latency, requests)
  io.write(string.format('RESULT {"requests":%d,"microseconds":%d,"p50":%.3f,"p99":%.3f,"errors":%d,"refused":%d}\n',
    summary.requests, summary.duration, latency:percentile(50) / 1000, latency:percentile(99) / 1000,
    summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout, summary.errors.status))
end
