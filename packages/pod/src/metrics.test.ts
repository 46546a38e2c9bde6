import assert from "node:assert/strict";
import { test } from "node:test";
import { Metrics } from "./metrics.ts";

test("Metrics.text() shows counters, gauges and histograms in Prometheus' format", () => {
  const metrics = new Metrics();
  const requests = metrics.counter("requests_total", "Requests.");
  metrics.gauge("generation", "Current generation.", () => 2);
  const durations = metrics.histogram("duration_seconds", "Time.", [0.1, 1]);
  requests.increment({ caller: "csi", outcome: "granted" });
  requests.increment({ caller: "csi", outcome: "granted" });
  requests.increment({ caller: 'a"\\\nb', outcome: "refused" });
  durations.observe(0.05, { caller: "csi" });
  durations.observe(0.5, { caller: "csi" });
  durations.observe(5, { caller: "csi" });
  assert.equal(
    metrics.text(),
    `# HELP requests_total Requests.
# TYPE requests_total counter
requests_total{caller="csi",outcome="granted"} 2
requests_total{caller="a\\"\\\\\\nb",outcome="refused"} 1
# HELP generation Current generation.
# TYPE generation gauge
generation 2
# HELP duration_seconds Time.
# TYPE duration_seconds histogram
duration_seconds_bucket{caller="csi",le="0.1"} 1
duration_seconds_bucket{caller="csi",le="1"} 2
duration_seconds_bucket{caller="csi",le="+Inf"} 3
duration_seconds_sum{caller="csi"} 5.55
duration_seconds_count{caller="csi"} 3
`,
  );
});

test("Metrics refuses a name that Prometheus would not take", () => {
  assert.throws(() => new Metrics().counter("a b", ""), /got name "a b"/);
});
