-- many.lua - wrk script: the same page, each time as another of 199 operators (the bench's nginx believes it).
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
   return wrk.format("GET", nil, { ["X-Bench-User"] = string.format("counter%d", (id * 97 + count) % 199 + 1) })
end

function done(summary, latency)
   io.write(string.format("RESULT requests=%d seconds=%.3f p50_ms=%.2f p99_ms=%.2f errors=%d\n",
      summary.requests, summary.duration / 1e6, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3,
      summary.errors.status + summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout))
end
