// The list of cases: filtered, searched, gone through by keys.

const ORDER = Object.keys(VERDICTS);
const filter = { verdicts: new Set(), suite: "", text: "" };
const entries = [];

function address(entry) {
  // Half a surrogate pair cannot be encoded.
  return `#${[entry.suite, entry.id].map((name) => encodeURIComponent(name.replace(/[\ud800-\udfff]/gu, "\ufffd"))).join("/")}`;
}

function makeEntry(entry, index) {
  const used = entry.verdict === "within" || entry.verdict === "drift" ? number(entry.margin) : null;
  const remark = entry.verdict === "within" && entry.worst ? `${entry.worst} at ${share(used)}` : entry.why;
  const link = el("a", { href: address(entry), "data-index": String(index), tabindex: "-1" },
    el("span", { class: "name" }, el("span", { class: "suite" }, `${entry.suite}/`), entry.id),
    badge(entry.verdict),
    remark && el("span", { class: "remark" }, remark),
    used !== null && entry.verdict === "within" && meter(used));
  const item = el("li", {}, link);
  const text = `${entry.suite}/${entry.id} ${entry.verdict} ${entry.why} ${entry.text}`.toLowerCase();
  return { entry, index, item, link, text };
}

function shownEntries() {
  return entries.filter(({ item }) => !item.hidden);
}

function applyFilter() {
  const words = filter.text.toLowerCase().split(/\s+/).filter(Boolean);
  for (const { entry, item, text } of entries) {
    item.hidden = (filter.verdicts.size > 0 && !filter.verdicts.has(entry.verdict))
      || (filter.suite !== "" && entry.suite !== filter.suite)
      || !words.every((word) => text.includes(word));
  }
  const shown = shownEntries();
  document.getElementById("shown").textContent = shown.length === entries.length
    ? count(entries.length, "case") : `${shown.length} of ${count(entries.length, "case")}`;
  // Tab reaches the list once, at the case that is open or else the first.
  const own = shown.find(({ link }) => link.getAttribute("aria-current")) || shown[0];
  for (const { link } of entries) link.tabIndex = own && link === own.link ? 0 : -1;
  document.getElementById("nothing").hidden = shown.length > 0;
}

function mark(current) {
  for (const { entry, link } of entries) {
    if (entry === current) link.setAttribute("aria-current", "true");
    else link.removeAttribute("aria-current");
  }
}

/** Move the focus within the list; from elsewhere to its first case. */
function moveFocus(by) {
  const shown = shownEntries();
  if (!shown.length) return;
  const at = shown.findIndex(({ link }) => link === document.activeElement);
  shown[Math.min(Math.max(at + by, 0), shown.length - 1)].link.focus();
}

function makeList(run) {
  const ordered = run.index.map(makeEntry).sort((a, b) =>
    ORDER.indexOf(a.entry.verdict) - ORDER.indexOf(b.entry.verdict)
    || (number(b.entry.margin) || 0) - (number(a.entry.margin) || 0)
    || a.index - b.index);
  entries.push(...ordered);
  const suites = [...new Set(run.index.map((entry) => entry.suite))].sort();
  const search = el("input", {
    type: "search", id: "search", placeholder: "Search: id, prompt, reason …  ( / )", "aria-label": "Search the cases",
    autocomplete: "off", spellcheck: "false",
    input: () => { filter.text = search.value; applyFilter(); },
  });
  const suite = el("select", { "aria-label": "Suite", change: () => { filter.suite = suite.value; applyFilter(); } },
    el("option", { value: "" }, "all suites"), suites.map((name) => el("option", { value: name }, name)));
  const list = el("ol", {
    id: "list",
    keydown: (event) => {
      const moves = { ArrowDown: 1, ArrowUp: -1, Home: -entries.length, End: entries.length };
      if (event.key in moves) {
        event.preventDefault();
        moveFocus(moves[event.key]);
      }
    },
  }, ordered.map(({ item }) => item));
  document.getElementById("cases").append(
    el("div", { class: "filters" }, search, suites.length > 1 && suite, el("p", { id: "shown", "aria-live": "polite" })),
    el("p", { id: "nothing", class: "note", hidden: true }, "No case matches."), list);
}
