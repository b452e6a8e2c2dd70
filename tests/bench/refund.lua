-- refund.lua - wrk script: one refund a request through the JSON API, each with its own TID and key.
-- Environment: BENCH_TOKEN (bearer), BENCH_SEED (first TID of the run; ordinary rows 00-79 are used).
local token, seed = os.getenv("BENCH_TOKEN"), tonumber(os.getenv("BENCH_SEED"))
local threads = 0

function setup(thread)
   thread:set("id", threads)
   threads = threads + 1
end

function init()
   count = 0
end

function request()
   local n = count
   count = count + 1
   -- hundreds advance with every 80 requests, so that the last two digits stay within 00-79
   local tid = seed + id * 20000000 + math.floor(n / 80) * 100 + n % 80
   return wrk.format("POST", string.format("/api/v1/transactions/%d/refunds", tid), {
      ["Authorization"] = "Bearer " .. token,
      ["Content-Type"] = "application/json",
      ["Idempotency-Key"] = string.format("bench-%d", tid),
   }, '{"otp":"123456"}')
end

function done(summary, latency)
   io.write(string.format("RESULT requests=%d seconds=%.3f p50_ms=%.2f p99_ms=%.2f errors=%d\n",
      summary.requests, summary.duration / 1e6, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3,
      summary.errors.status + summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout))
end
