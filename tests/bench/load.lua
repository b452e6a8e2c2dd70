-- load.lua - wrk script: what is sent, by BENCH_KIND, and one machine-readable line at the end.
--   page    the same page
--   many    the same page, each time as another of 199 operators (the bench's nginx believes it)
--   form    the refund form of another transaction each time, as counters open them
--   refund  a refund through the JSON API, each with its own TID and key; BENCH_TOKEN (bearer),
--           BENCH_SEED (first TID of the run), BENCH_WAIT (Prefer: wait=N, if set)
local kind, token, seed = os.getenv("BENCH_KIND"), os.getenv("BENCH_TOKEN"), tonumber(os.getenv("BENCH_SEED"))
local wait = os.getenv("BENCH_WAIT")
local threads = 0

function setup(thread)
   thread:set("id", threads)
   threads = threads + 1
end

function init()
   count = 0
end

-- Hundreds advance with every 80 requests, so that the last two digits stay within 00-79: ordinary ones.
local function tid(first, of_a_thread)
   return first + id * of_a_thread + math.floor((count - 1) / 80) * 100 + (count - 1) % 80
end

local kinds = {}

function kinds.many()
   return wrk.format("GET", nil, { ["X-Bench-User"] = string.format("counter%d", (id * 97 + count) % 199 + 1) })
end

function kinds.form()
   return wrk.format("GET", string.format("/refunds/%d", tid(300000000000, 10000000000)))
end

function kinds.refund()
   local number = tid(seed, 20000000)
   return wrk.format("POST", string.format("/api/v1/transactions/%d/refunds", number), {
      ["Authorization"] = "Bearer " .. token,
      ["Content-Type"] = "application/json",
      ["Idempotency-Key"] = string.format("bench-%d", number),
      ["Prefer"] = wait and "wait=" .. wait,
   }, '{"otp":"123456"}')
end

-- Without a function wrk sends the same bytes each time, which costs it less.
if kinds[kind] then
   function request()
      count = count + 1
      return kinds[kind]()
   end
end

function done(summary, latency)
   io.write(string.format("RESULT requests=%d seconds=%.3f p50_ms=%.2f p99_ms=%.2f errors=%d\n",
      summary.requests, summary.duration / 1e6, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3,
      summary.errors.status + summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout))
end
