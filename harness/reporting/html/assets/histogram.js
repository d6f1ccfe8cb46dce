// How many values differ by how much.

/** Room on both sides of a few bins: one alone would fill the plot. */
function padded(histogram) {
  const room = Math.max(0, Math.ceil((10 - histogram.counts.length) / 2));
  const zeros = new Array(room).fill(0);
  return { ...histogram, start: histogram.start - room / histogram.bins_per_decade, counts: [...zeros, ...histogram.counts, ...zeros] };
}

function histogramChart(histogram, readout, width) {
  const height = width < 480 ? 190 : 270;
  const [left, right, top, bottom] = [46, 12, 10, 34];
  const { counts, start, bins_per_decade: bins } = histogram;
  const most = Math.max(...counts);
  const step = (width - left - right) / counts.length;
  const floor = height - bottom;
  const chart = svg("svg", {
    width, height, viewBox: `0 0 ${width} ${height}`, class: "chart", tabindex: "0", role: "img",
    "aria-label": "Histogram of absolute differences. Arrow keys read out the bins.",
  });
  for (const part of [0, 0.5, 1]) {
    const at = floor - (floor - top) * part;
    chart.append(svg("line", { class: "grid", x1: left, x2: width - right, y1: at, y2: at }));
    if (part === 0 || most * part >= 1) {
      const text = Math.round(most * part).toLocaleString("en", { notation: "compact", maximumFractionDigits: 1 });
      chart.append(svg("text", { class: "tick", x: left - 6, y: at + 4, "text-anchor": "end" }, text));
    }
  }
  counts.forEach((value, index) => {
    const size = value ? Math.max((floor - top) * (value / most), 1.5) : 0;
    chart.append(svg("rect", { class: "bar", x: left + index * step + 0.5, y: floor - size, width: Math.max(step - 1, 1), height: size }));
  });
  const every = Math.max(1, Math.ceil(counts.length / bins / (width / 70)));
  for (let exponent = Math.ceil(start); exponent <= start + counts.length / bins; exponent += every) {
    const at = left + (exponent - start) * bins * step;
    chart.append(
      svg("line", { class: "grid", x1: at, x2: at, y1: floor, y2: floor + 4 }),
      svg("text", { class: "tick", x: at, y: height - 16, "text-anchor": "middle" }, power(exponent)));
  }
  chart.append(svg("text", { class: "tick", x: (left + width - right) / 2, y: height - 2, "text-anchor": "middle" }, "absolute difference"));
  explore(chart, counts.map((_, index) => left + (index + 0.5) * step), top, floor, readout, (index) => {
    const from = 10 ** (start + index / bins);
    const part = (100 * counts[index]) / histogram.total;
    return `${figure(from)} to ${figure(from * 10 ** (1 / bins))}: ${count(counts[index], "value")}, ${figure(part)} %`;
  });
  return chart;
}

function histogramSection(histogram) {
  if (!histogram) return null;
  const { total, equal, not_finite: lost } = histogram;
  const told = equal === total ? `All ${count(total, "value")} are equal.`
    : `${count(total - equal - lost, "value")} of ${total.toLocaleString("en")} differ${lost ? `, ${count(lost, "is", "are")} NaN or infinite` : ""}.`;
  const readout = el("p", { class: "readout", "aria-live": "polite" });
  return el("section", { class: "card" },
    el("h3", {}, "Differences"),
    el("p", {}, told),
    histogram.counts.length > 0
      && responsive(el("div", { class: "plot" }), (width) => histogramChart(padded(histogram), readout, width)),
    readout);
}
