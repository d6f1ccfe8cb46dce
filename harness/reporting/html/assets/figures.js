// Figures as text.

const VERDICTS = {
  drift: { sign: "≠", words: "outside its limits" },
  error: { sign: "!", words: "did not run, or has nothing to be held to" },
  incomparable: { sign: "?", words: "not comparable in this environment" },
  within: { sign: "≈", words: "other bits, within its limits" },
  identical: { sign: "=", words: "the same bits" },
};

/** A number of the data: JSON has no NaN and no infinity, they are texts there. */
function number(value) {
  if (value === "inf") return Infinity;
  if (value === "-inf") return -Infinity;
  return value === null || value === undefined ? null : Number(value);
}

/** Three digits, for deviations and limits, as reporting/figures.py writes them. */
function figure(value) {
  const x = number(value);
  if (x === null) return "";
  if (Number.isNaN(x)) return "nan";
  if (!Number.isFinite(x)) return x > 0 ? "inf" : "-inf";
  if (x === 0) return "0";
  const size = Math.abs(x);
  if (size >= 999.5 && size < 1e6) return String(Math.round(x));
  if (size < 1e6 && Math.abs(Number(x.toPrecision(3))) >= 1e-4) return String(Number(x.toPrecision(3)));
  return x.toExponential(2).replace(/\.?0+e/, "e").replace(/e(.)(\d)$/, "e$10$2");
}

/** All digits: a change in the ninth is what this is about. */
function exact(value) {
  const x = number(value);
  return x === null || !Number.isFinite(x) ? figure(value) : String(x);
}

/** A part of a limit: 38%, 12 times; or that any difference is too much. */
function share(value) {
  const x = number(value);
  if (x === null) return "";
  if (!Number.isFinite(x)) return "over";
  return x < 10 ? `${Math.round(x * 100)}%` : `${figure(x)} times`;
}

function count(n, one, many = `${one}s`) {
  return `${n.toLocaleString("en")} ${n === 1 ? one : many}`;
}

/** "2026-01-31 12:00 UTC" of an ISO date. */
function day(text) {
  return text ? String(text).replace("T", " ").replace(/:\d\d(\.\d+)?(\+00:00|Z)$/, " UTC") : "";
}

function badge(verdict) {
  return el("span", { class: `badge v-${verdict in VERDICTS ? verdict : "error"}` },
    el("span", { class: "sign", "aria-hidden": "true" }, (VERDICTS[verdict] || VERDICTS.error).sign), verdict);
}
