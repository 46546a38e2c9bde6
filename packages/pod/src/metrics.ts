/** Label names and values of one series. */
export type Labels = Readonly<Record<string, string>>;

/** Something that is shown at `/metrics`. */
interface Metric {
  lines(): string[];
}

const NAME = /^[a-z][a-z0-9_]*$/;

/**
 * The few kinds of metrics that our pods have, in Prometheus' text format (version 0.0.4). Label values come from closed
 * sets: whoever records one sees to it that their number is bounded.
 */
export class Metrics {
  readonly #metrics: Metric[] = [];

  /** A number that only grows. */
  counter(name: string, help: string): Counter {
    return this.#add(new Counter(requireName(name), help));
  }

  /** A number that is looked up when it is shown. */
  gauge(name: string, help: string, read: () => number): void {
    this.#add({ lines: () => [...head(requireName(name), help, "gauge"), `${name} ${read()}`] });
  }

  /** Durations in seconds. @param buckets upper bounds, ascending */
  histogram(name: string, help: string, buckets: readonly number[]): Histogram {
    return this.#add(new Histogram(requireName(name), help, buckets));
  }

  /** All metrics as text. */
  text(): string {
    return `${this.#metrics.flatMap((metric) => metric.lines()).join("\n")}\n`;
  }

  #add<M extends Metric>(metric: M): M {
    this.#metrics.push(metric);
    return metric;
  }
}

/** A number for each set of labels that only grows. */
export class Counter implements Metric {
  readonly #name: string;
  readonly #help: string;
  readonly #series = new Map<string, number>();

  constructor(name: string, help: string) {
    this.#name = name;
    this.#help = help;
  }

  increment(labels: Labels = {}): void {
    const key = labelText(labels);
    this.#series.set(key, (this.#series.get(key) ?? 0) + 1);
  }

  lines(): string[] {
    const series = Array.from(this.#series, ([labels, value]) => `${this.#name}${labels} ${value}`);
    return [...head(this.#name, this.#help, "counter"), ...series];
  }
}

/** How often values fell into which bucket, for each set of labels. */
export class Histogram implements Metric {
  readonly #name: string;
  readonly #help: string;
  readonly #buckets: readonly number[];
  readonly #series = new Map<string, { labels: Labels; counts: number[]; sum: number }>();

  constructor(name: string, help: string, buckets: readonly number[]) {
    this.#name = name;
    this.#help = help;
    this.#buckets = buckets;
  }

  observe(value: number, labels: Labels = {}): void {
    const key = labelText(labels);
    const bounds = [...this.#buckets, Number.POSITIVE_INFINITY];
    const series = this.#series.get(key) ?? { labels, counts: bounds.map(() => 0), sum: 0 };
    this.#series.set(key, series);
    bounds.forEach((bound, index) => {
      if (value <= bound) series.counts[index] = (series.counts[index] ?? 0) + 1;
    });
    series.sum += value;
  }

  lines(): string[] {
    const lines = head(this.#name, this.#help, "histogram");
    for (const { labels, counts, sum } of this.#series.values()) {
      const bounds = [...this.#buckets.map(String), "+Inf"];
      bounds.forEach((le, index) => lines.push(`${this.#name}_bucket${labelText({ ...labels, le })} ${counts[index]}`));
      lines.push(
        `${this.#name}_sum${labelText(labels)} ${sum}`,
        `${this.#name}_count${labelText(labels)} ${counts.at(-1)}`,
      );
    }
    return lines;
  }
}

function head(name: string, help: string, type: string): string[] {
  return [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`];
}

function labelText(labels: Labels): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escaped(value)}"`);
  return pairs.length === 0 ? "" : `{${pairs.join(",")}}`;
}

function escaped(value: string): string {
  return value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}

function requireName(name: string): string {
  if (NAME.test(name)) return name;
  throw new Error(`Make metric failed: got name ${JSON.stringify(name)}, wanted letters, digits and underscores`);
}
