-- form.lua - wrk script: the refund form of another transaction each time, as counters open them.
local threads = 0

function setup(thread)
   thread:set("id", threads)
   threads = threads + 1
end

function init()
   count = 0
end

function request()
   count = count + 1
   local tid = 300000000000 + id * 10000000000 + math.floor(count / 80) * 100 + count % 80
   return wrk.format("GET", string.format("/refunds/%d", tid))
end

function done(summary, latency)
   io.write(string.format("RESULT requests=%d seconds=%.3f p50_ms=%.2f p99_ms=%.2f errors=%d\n",
      summary.requests, summary.duration / 1e6, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3,
      summary.errors.status + summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout))
end
