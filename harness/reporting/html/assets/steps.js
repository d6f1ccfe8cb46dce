// Drift over the denoising steps, against the envelope.

const FIGURES = {
  relative_l2: "relative L2 distance of the latents",
  share: "largest part of its limit that a statistic of the latents uses",
  deviation: "largest deviation of a statistic of the latents",
};

function stepsChart(steps, readout, width) {
  const height = width < 480 ? 230 : 270;
  const [left, right, top, bottom] = [46, 12, 12, 34];
  const entries = steps.steps;
  const floor = height - bottom;
  const column = (name) => entries.map((entry) => number(entry[name]));
  const series = { drift: column("drift"), limit: column("limit"), largest: column("largest"), median: column("median") };
  const seen = Object.values(series).flat().filter((x) => x !== null && x > 0 && Number.isFinite(x));
  const low = Math.floor(Math.log10(Math.min(...seen, ...(seen.length ? [] : [1e-8]))) - 0.15);
  const high = Math.max(Math.ceil(Math.log10(Math.max(...seen, ...(seen.length ? [] : [1e-6]))) + 0.1), low + 1);
  // Below the axis there is a place for no difference at all, which has no logarithm.
  const zero = floor - 6;
  const ground = floor - 22;
  const [first, last] = [entries[0].step, entries[entries.length - 1].step];
  const x = (step) => left + (width - left - right) * (last === first ? 0.5 : (step - first) / (last - first));
  const y = (value) => {
    if (value === 0) return zero;
    if (!Number.isFinite(value)) return top;
    return ground - (ground - top) * Math.min(Math.max((Math.log10(value) - low) / (high - low), 0), 1);
  };
  const over = (entry) => number(entry.limit) !== null && !(number(entry.drift) <= number(entry.limit));

  const chart = svg("svg", {
    width, height, viewBox: `0 0 ${width} ${height}`, class: "chart", tabindex: "0", role: "img",
    "aria-label": `Drift by step: ${FIGURES[steps.figure]}. Arrow keys read out the steps.`,
  });
  const decade = Math.max(1, Math.ceil((high - low) / 7));
  for (let exponent = low; exponent <= high; exponent += decade) {
    const at = y(10 ** exponent);
    chart.append(
      svg("line", { class: "grid", x1: left, x2: width - right, y1: at, y2: at }),
      svg("text", { class: "tick", x: left - 6, y: at + 4, "text-anchor": "end" }, power(exponent)));
  }
  chart.append(
    svg("line", { class: "grid zero", x1: left, x2: width - right, y1: zero, y2: zero }),
    svg("text", { class: "tick", x: left - 6, y: zero + 4, "text-anchor": "end" }, "0"));
  for (const step of ticks(first, last, Math.max(2, Math.floor(width / 80)))) {
    chart.append(svg("text", { class: "tick", x: x(step), y: height - 16, "text-anchor": "middle" }, String(step)));
  }
  chart.append(svg("text", { class: "tick", x: (left + width - right) / 2, y: height - 2, "text-anchor": "middle" }, "step"));
  if (steps.chaotic_from !== null && steps.chaotic_from <= last) {
    const from = x(Math.max(steps.chaotic_from, first));
    chart.append(
      svg("rect", { class: "chaos", x: from, y: top, width: Math.max(width - right - from, 2), height: floor - top }),
      svg("text", { class: "tick", x: width - right - 4, y: top + 12, "text-anchor": "end" }, "chaotic: no limits"));
  }
  const line = (values) => entries.map((entry, i) => [values[i], entry.step])
    .filter(([value]) => value !== null).map(([value, step]) => [x(step), y(value)]);
  const [median, largest] = [line(series.median), line(series.largest)];
  if (largest.length) chart.append(svg("path", { class: "band", d: `${path(largest)}${path([...median].reverse()).replace("M", "L")}Z` }));
  if (median.length) chart.append(svg("path", { class: "line median", d: path(median) }));
  if (largest.length) chart.append(svg("path", { class: "line largest", d: path(largest) }));
  const limit = line(series.limit);
  if (limit.length) chart.append(svg("path", { class: "line limit", d: path(limit) }));
  chart.append(svg("path", { class: "line drift", d: path(line(series.drift)) }));
  const dots = entries.length <= 120 ? entries : entries.filter(over);
  for (const entry of dots) {
    chart.append(svg("circle", {
      class: over(entry) ? "dot over" : "dot", cx: x(entry.step), cy: y(number(entry.drift)), r: over(entry) ? 3.5 : 2.5,
    }));
  }
  explore(chart, entries.map((entry) => x(entry.step)), top, floor, readout, (index) => {
    const entry = entries[index];
    const parts = [`step ${entry.step} (timestep ${entry.timestep}): ${entry.same ? "the same bits" : figure(entry.drift)}`];
    if (entry.statistic && !entry.same) parts.push(`of ${entry.statistic}`);
    if (number(entry.limit) !== null) {
      const used = number(entry.drift) / number(entry.limit);
      parts.push(`limit ${figure(entry.limit)}${Number.isFinite(used) ? `, ${share(used)}${used < 10 ? " of it" : ""}` : ""}`);
    }
    if (number(entry.largest) !== null) parts.push(`envelope ${figure(entry.median)} to ${figure(entry.largest)}`);
    return parts.join(", ");
  });
  return chart;
}

function stepsSection(steps) {
  if (!steps) return null;
  const entries = steps.steps;
  const limited = entries.filter((entry) => number(entry.limit) !== null);
  const first = limited.find((entry) => !(number(entry.drift) <= number(entry.limit)));
  const enveloped = entries.some((entry) => number(entry.largest) !== null);
  const told = entries.every((entry) => entry.same) ? "The latents have the same bits after every step."
    : first ? `First outside the calibrated limit after step ${first.step} (timestep ${first.timestep}).`
    : limited.length ? "Within the calibrated limit after every step." : "Not calibrated: there is no limit to compare with.";
  const readout = el("p", { class: "readout", "aria-live": "polite" }, "Point at the chart, or focus it and use the arrow keys.");
  const key = (name, text) => el("span", { class: "key" }, el("span", { class: `swatch ${name}` }), text);
  return el("section", { class: "card" },
    el("h3", {}, "Drift by step"),
    el("p", {}, told),
    el("div", { class: "legend" },
      key("drift", FIGURES[steps.figure]),
      limited.length > 0 && key("limit", steps.figure === "share" ? "calibrated limit" : `calibrated limit: largest × ${figure(steps.factor)}`),
      enveloped && key("band", "envelope: median to largest of rounding-sized perturbations")),
    responsive(el("div", { class: "plot" }), (width) => stepsChart(steps, readout, width)),
    readout,
    steps.traced[0] !== steps.traced[1]
      && el("p", { class: "note" }, `${steps.traced[0]} steps were traced, ${steps.traced[1]} in the baseline.`));
}
