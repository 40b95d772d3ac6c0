-- wrk's requests: many viewers at once, each plays one recorded session after the other; see bench/browser.py.
local told = dofile(os.getenv("MCMOCK_STORIES"))
local run = told[os.getenv("MCMOCK_RUN")]
local VIEWERS = 400
local viewers, turn, begun, next_session = {}, 0, false, 0

local function sit_down(viewer)
  local number = next_session % #run.ids
  next_session = next_session + 1
  viewer.film = string.format("film-%09d", run.first + number)
  viewer.id = run.ids[number + 1]
  viewer.story = told.stories[(run.first + number) % #told.stories + 1]
  viewer.step = 0
end

for number = 1, VIEWERS do
  viewers[number] = {}
  sit_down(viewers[number])
end

request = function()
  if not begun then  -- wrk asks once, to see what it is, and sends nothing
    begun = true
    return wrk.format("GET", "/")
  end
  turn = turn % VIEWERS + 1
  local viewer = viewers[turn]
  if viewer.step == #viewer.story then sit_down(viewer) end
  viewer.step = viewer.step + 1
  local step = viewer.story[viewer.step]
  if step.opens then return step[1] .. viewer.film .. step[2] end
  if step[2] == "" then return step[1] end
  return step[1] .. viewer.id .. step[2]
end

done = function(summary, latency, requests)
  io.write(string.format('RESULT {"requests":%d,"microseconds":%d,"p50":%.3f,"p99":%.3f,"max":%.3f,"errors":%d,"refused":%d}\n',
    summary.requests, summary.duration, latency:percentile(50) / 1000, latency:percentile(99) / 1000, latency.max / 1000,
    summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout, summary.errors.status))
end
