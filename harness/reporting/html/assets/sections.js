// Sections that are lists and tables.

/** A reason may be one line, or a line with the tail of a log below it. */
function reason(text) {
  const [first, ...rest] = String(text).split("\n");
  return el("li", {}, first, rest.length > 0 && el("pre", { tabindex: "0" }, rest.join("\n")));
}

function whySection(view) {
  const { reasons, notes } = view.judgement;
  if (!reasons.length && !notes.length && !view.causes.length) return null;
  return el("section", { class: "card why" },
    view.causes.length > 0 && [
      el("h3", {}, "What differs, first cause first"),
      el("ol", { class: "causes" }, view.causes.map((cause) => el("li", {},
        el("span", { class: "kind" }, cause.kind), el("strong", {}, cause.title),
        cause.details.length > 0 && el("ul", {}, cause.details.map((text) => el("li", {}, text)))))),
    ],
    reasons.length > 0 && [el("h3", {}, "Why"), el("ul", { class: "reasons" }, reasons.map(reason))],
    notes.length > 0 && el("ul", { class: "notes" }, notes.map(reason)));
}

function rowsSection(rows) {
  if (!rows.length) return null;
  const decided = rows.filter((row) => row.passed !== null);
  const failed = rows.filter((row) => row.passed === false);
  const rank = (row) => (row.passed === false ? 0 : row.passed ? 1 : 2);
  const sorted = [...rows].sort((a, b) => rank(a) - rank(b) || (rank(a) < 2 ? number(b.used) - number(a.used) || 0 : 0));
  const body = el("tbody", {}, sorted.map((row) => {
    const used = number(row.used);
    const state = row.passed === false ? "over" : row.passed ? "ok" : "free";
    const word = row.passed === false ? (row.measured === null ? "not judged" : row.at_least ? "below" : "over") : "";
    return el("tr", { class: state, title: row.note || null },
      el("th", { scope: "row" }, row.name),
      el("td", { "data-label": "value" }, exact(row.value)),
      el("td", { "data-label": "baseline" }, exact(row.baseline)),
      el("td", { "data-label": row.value === null ? "measured" : "deviation" }, similarity(row, row.measured)),
      el("td", { "data-label": "limit" }, number(row.limit) === null ? "" : `${row.at_least ? "≥" : "≤"} ${similarity(row, row.limit)}`),
      el("td", { "data-label": "used", class: "used" }, used === null ? "" : [used <= 1 && meter(used), share(used), word && ` ${word}`]));
  }));
  const table = el("table", { class: "rows" },
    el("thead", {}, el("tr", {}, ["figure", "value", "baseline", "deviation", "limit", "of its limit"].map((title) => el("th", { scope: "col" }, title)))),
    body);
  const only = el("input", { type: "checkbox", change: () => table.classList.toggle("only-over", only.checked) });
  const remark = failed.length ? `${failed.length} of ${count(decided.length, "limit")} exceeded`
    : decided.length ? (decided.length === 1 ? "its one limit kept" : `all ${decided.length} limits kept`) : "none of them has a limit here";
  return fold("Figures", remark, decided.length > 0, failed.length > 0,
    failed.length > 0 && failed.length < rows.length && el("label", { class: "check" }, only, "only what is outside its limit"),
    el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Figures" }, table));
}

/** Similarities differ from 1 beyond the third digit. */
function similarity(row, value) {
  const x = number(value);
  return row.name.includes("ssim") && x > 0.99 && x < 1 ? `1 - ${figure(1 - x)}` : figure(value);
}

/** A bar of how much of a limit is used; full at the limit and beyond. */
function meter(used) {
  const bar = el("span", { class: used > 1 ? "meter over" : "meter", "aria-hidden": "true" }, el("span", {}));
  bar.firstChild.style.width = `${Math.min(used, 1) * 100}%`;
  return bar;
}

function pairsTable(rows, first = "field") {
  return el("div", { class: "scroll" }, el("table", { class: "pairs" },
    el("thead", {}, el("tr", {}, [first, "measured", "baseline"].map((title) => el("th", { scope: "col" }, title)))),
    el("tbody", {}, rows.map((row) => el("tr", { class: row.differs ? "differs" : "" },
      el("th", { scope: "row" }, row.differs && el("span", { class: "sign" }, "≠ "), row.name),
      el("td", {}, row.measured === null ? el("span", { class: "absent" }, "absent") : row.measured),
      el("td", {}, row.baseline === null ? el("span", { class: "absent" }, "absent") : row.baseline))))));
}

function fold(title, remark, open, alarming, ...content) {
  return el("details", { class: "card", open },
    el("summary", {}, el("span", { class: "title" }, title), el("span", { class: alarming ? "remark differs" : "remark" }, remark)), content);
}

function environmentSection(view) {
  const rows = view.environment;
  if (!rows.length) return null;
  const differing = rows.filter((row) => row.differs);
  const { canaries } = view;
  const changed = canaries ? canaries.changed : [];
  const paired = canaries !== null;
  const remark = [
    !paired ? "one side only" : differing.length ? `${count(differing.length, "field")} differ${differing.length === 1 ? "s" : ""}` : "the same",
    changed.length > 0 && `${count(changed.length, "operator")} changed`,
  ].filter(Boolean).join(", ");
  return fold("Environment", remark, differing.length > 0 || changed.length > 0, differing.length > 0 || changed.length > 0,
    canaries && canaries.tried > 0 && el("p", {}, changed.length
      ? [`${changed.length} of ${count(canaries.tried, "operator")} tried on fixed inputs gave other bits: `, el("strong", {}, changed.join(", ")), "."]
      : `All ${count(canaries.tried, "operator")} tried on fixed inputs gave the same bits.`),
    pairsTable(rows));
}

function ledgerSection(ledger) {
  if (!ledger) return null;
  const changed = ledger.first_change !== null;
  const draw = (side) => (side ? `${side.method} ${side.shape} ${side.dtype}, generator ${side.generator}` : "none");
  return fold("Noise", changed ? `differs from draw ${ledger.first_change} on` : `${count(ledger.measured, "draw")}, the same`, changed, changed,
    changed && el("p", {}, `${count(ledger.measured, "draw")}, ${ledger.baseline} in the baseline.`),
    ledger.draws.length > 0 && el("div", { class: "scroll" }, el("table", { class: "pairs" },
      el("thead", {}, el("tr", {}, ["draw", "measured", "baseline", "at", "sha256 so far"].map((title) => el("th", { scope: "col" }, title)))),
      el("tbody", {}, ledger.draws.map((entry) => el("tr", { class: entry.same ? "" : "differs" },
        el("th", { scope: "row" }, !entry.same && el("span", { class: "sign" }, "≠ "), entry.index),
        el("td", {}, draw(entry.measured)),
        el("td", {}, draw(entry.baseline)),
        el("td", {}, (entry.measured || entry.baseline).site),
        el("td", { class: "code" }, entry.measured ? entry.measured.sha256 : "", entry.baseline && !entry.same ? ` | ${entry.baseline.sha256}` : "")))))));
}

function checkpointSection(checkpoint) {
  if (!checkpoint || !checkpoint.files.length) return null;
  const changed = checkpoint.files.filter((file) => file.differs);
  return fold("Weights", changed.length ? `${count(changed.length, "file")} differ${changed.length === 1 ? "s" : ""}` : "the same", changed.length > 0, changed.length > 0,
    el("p", {}, checkpoint.source || "of the pipeline itself", checkpoint.revision && ` at revision ${checkpoint.revision}`),
    pairsTable(checkpoint.files, "file, by sha256"));
}

function facts(pairs) {
  return el("dl", {}, pairs.filter(([, value]) => value !== null && value !== undefined && value !== "")
    .map(([name, value]) => [el("dt", {}, name), el("dd", {}, value)]));
}

function provenanceSection(baseline) {
  if (!baseline) return null;
  const { calibration } = baseline;
  return el("section", { class: "card" },
    el("h3", {}, "Where the baseline comes from"),
    facts([
      ["file", baseline.path], ["recorded", day(baseline.date)], ["why", baseline.reason], ["on", baseline.device],
      ["commit", baseline.commit], ["harness", baseline.harness], ["replaced", baseline.replaced && baseline.replaced.slice(0, 12)],
      ["calibrated", calibration ? `${day(calibration.date)}: ${calibration.members} members, factor ${figure(calibration.factor)}, envelope ${figure(calibration.envelope)} (relative L2)` : "no"],
      ["soaked", baseline.soaked],
      ["chaotic", calibration && calibration.chaotic_from !== null ? `from step ${calibration.chaotic_from} on` : null],
      ["modes", calibration && calibration.modes.length > 1 ? `${calibration.modes.length} (of ${calibration.modes.join(", ")} runs)` : null],
      ["saturated", calibration && calibration.saturated > 0 ? `${figure(100 * calibration.saturated)} % of the values` : null],
    ]));
}

function caseSection(view) {
  const { definition } = view.case;
  const seconds = Object.entries(view.timings).map(([name, value]) => `${name} ${figure(value)} s`).join(", ");
  return el("section", { class: "card" },
    el("h3", {}, "The case"),
    facts([
      ["defined", view.case.place], ["pipeline", definition.pipeline], ["checkpoint", definition.checkpoint],
      ["seeds", definition.seeds.join(", ")], ["steps", String(definition.steps)],
      ["arguments", Object.keys(definition.arguments).length ? el("pre", {}, JSON.stringify(definition.arguments, null, 2)) : null],
      ["dtype, mode", `${definition.dtype}, ${definition.mode}`],
      ["tolerance", el("ul", { class: "plain" }, Object.entries(view.case.tolerance).map(([tier, limits]) => el("li", {}, `${tier}: ${limits}`)))],
      ["strict", view.case.strict ? "yes" : null], ["tags", view.case.tags.join(", ")], ["took", seconds],
    ]));
}

function copyButton(text) {
  const button = el("button", {
    type: "button",
    click: async () => {
      try {
        await navigator.clipboard.writeText(text);
        button.textContent = "copied";
      } catch {
        getSelection().selectAllChildren(button.previousSibling);
        button.textContent = "selected";
      }
      setTimeout(() => { button.textContent = "copy"; }, 1500);
    },
  }, "copy");
  return button;
}

function commandsSection(commands) {
  return el("section", { class: "card" },
    el("h3", {}, "What to type"),
    el("div", { class: "commands" }, commands.map((command) => el("div", { class: "command" },
      el("span", { class: "label" }, command.title),
      el("div", { class: "typed" }, el("code", { tabindex: "0" }, command.text), copyButton(command.text))))));
}
