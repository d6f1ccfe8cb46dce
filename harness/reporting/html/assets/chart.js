// What the two charts share: a plot with a logarithmic axis, and a readout that follows pointer and keys.

/** "10⁻⁷" */
function power(exponent) {
  const digits = { "-": "⁻", 0: "⁰", 1: "¹", 2: "²", 3: "³", 4: "⁴", 5: "⁵", 6: "⁶", 7: "⁷", 8: "⁸", 9: "⁹" };
  return exponent === 0 ? "1" : `10${[...String(exponent)].map((digit) => digits[digit]).join("")}`;
}

/** Whole numbers for about `most` ticks from `low` to `high`. */
function ticks(low, high, most) {
  const span = Math.max(high - low, 1);
  const rough = span / most;
  const scale = 10 ** Math.floor(Math.log10(rough));
  const step = Math.max(1, [1, 2, 5, 10].map((m) => m * scale).find((s) => s >= rough));
  const result = [];
  for (let tick = Math.ceil(low / step) * step; tick <= high; tick += step) result.push(tick);
  return result;
}

/**
 * Let a reader go through `places` (positions along x, in pixels) by pointer and arrow keys.
 * `say(index)` is the text for one of them; it stands below the chart, where a screen reader hears it.
 */
function explore(chart, places, top, bottom, readout, say) {
  const mark = svg("line", { class: "mark", y1: top, y2: bottom, visibility: "hidden" });
  let at = -1;
  const go = (index) => {
    at = Math.min(Math.max(index, 0), places.length - 1);
    mark.setAttribute("x1", places[at]);
    mark.setAttribute("x2", places[at]);
    mark.setAttribute("visibility", "visible");
    readout.textContent = say(at);
  };
  chart.append(mark);
  chart.addEventListener("pointermove", (event) => {
    const x = event.clientX - chart.getBoundingClientRect().left;
    let nearest = 0;
    places.forEach((place, index) => {
      if (Math.abs(place - x) < Math.abs(places[nearest] - x)) nearest = index;
    });
    go(nearest);
  });
  chart.addEventListener("keydown", (event) => {
    const moves = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: places.length - 1 };
    if (event.key in moves) {
      event.preventDefault();
      event.stopPropagation();
      go(moves[event.key]);
    }
  });
}

function path(points) {
  return points.map(([x, y], index) => `${index ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`).join("");
}
