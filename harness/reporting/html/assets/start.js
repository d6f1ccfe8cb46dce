// The page as a whole: what stands above the cases, the address, the keys.

const run = data("run");

function verdictButton(verdict, n) {
  const button = el("button", {
    type: "button", class: `verdict v-${verdict}`, "aria-pressed": "false", "data-verdict": verdict, title: VERDICTS[verdict].words,
    click: () => {
      const on = !filter.verdicts.delete(verdict);
      if (on) filter.verdicts.add(verdict);
      button.setAttribute("aria-pressed", String(on));
      applyFilter();
    },
  }, el("span", { class: "number" }, n), el("span", { class: "word" },
    el("span", { class: "sign", "aria-hidden": "true" }, VERDICTS[verdict].sign), verdict));
  return button;
}

function environmentWords({ fields, cases }) {
  const parts = [
    fields.mindspore && `MindSpore ${String(fields.mindspore).replace(/ \(([0-9a-f]{7})[0-9a-f]*\)$/, "")}`,
    [fields.device, fields.soc, fields.isa].filter(Boolean).join(" "),
    fields.cores && count(Number(fields.cores), "core"),
    fields.cann && `CANN ${fields.cann}`,
  ].filter(Boolean);
  return parts.length ? `${parts.join(" · ")} (${count(cases, "case")})` : "";
}

function makeTop() {
  const counts = new Map(ORDER.map((verdict) => [verdict, 0]));
  for (const { verdict } of run.index) counts.set(verdict, (counts.get(verdict) || 0) + 1);
  const present = [...counts].filter(([, n]) => n > 0);
  const expected = run.index.filter((entry) => entry.expected).length;
  const failed = run.index.filter(({ verdict }) => verdict !== "identical" && verdict !== "within").length - expected;
  const headline = run.problems.length && !failed ? `${count(run.problems.length, "problem")}: not all cases were judged`
    : failed ? `${failed} of ${count(run.index.length, "case")} did not pass`
    : run.index.length > expected ? `All ${count(run.index.length - expected, "case")} passed` : "No case was judged";
  const bar = el("div", { class: "proportion", "aria-hidden": "true" }, present.map(([verdict]) => el("span", { class: `v-${verdict}` })));
  present.forEach(([, n], i) => { bar.children[i].style.flexGrow = String(n); });
  const skip = el("button", { type: "button", class: "skip", click: () => document.getElementById("case-view").focus() }, "Skip to the case");
  document.getElementById("top").append(skip,
    el("div", { class: "title" },
      el("h1", {}, headline),
      el("p", { class: "note" }, [
        `harness ${run.harness}`, day(run.date), ...run.environments.map(environmentWords),
        expected && `${expected} failed as expected`,
        run.left_out && `${count(run.left_out, "nightly case")} left out`,
      ].filter(Boolean).join("  ·  "))),
    el("div", { class: "verdicts", role: "group", "aria-label": "Show only cases of these verdicts" },
      present.map(([verdict, n]) => verdictButton(verdict, n))),
    bar);
  document.title = `${headline} - drift report`;
  if (run.problems.length) {
    document.getElementById("problems").append(el("section", { class: "card banner" },
      el("h3", {}, "Not judged"),
      run.problems.map((problem) => el("details", {}, el("summary", {}, problem.where), el("pre", { tabindex: "0" }, problem.text)))));
  }
}

function openFromAddress() {
  const found = entries.find(({ entry }) => address(entry) === location.hash);
  const wide = !NARROW.matches;
  const chosen = found || (wide && !location.hash.slice(1) ? shownEntries()[0] : null);
  document.body.classList.toggle("case-open", Boolean(found));
  mark(chosen ? chosen.entry : null);
  applyFilter();
  const pane = document.getElementById("case-view");
  if (!chosen) {
    pane.replaceChildren(el("p", { class: "note" }, location.hash.slice(1) ? "This run has no such case." : ""));
    if (location.hash.slice(1)) document.body.classList.add("case-open"), pane.prepend(el("a", { class: "back", href: "#" }, "← all cases"));
    return;
  }
  showCase(chosen.entry, chosen.index);
  if (found) {
    if (NARROW.matches) window.scrollTo(0, 0);
    else pane.scrollTo(0, 0);
    chosen.link.scrollIntoView({ block: "nearest" });
  }
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const typing = event.target instanceof HTMLInputElement || event.target instanceof HTMLSelectElement;
  const search = document.getElementById("search");
  if (event.key === "Escape") {
    if (document.activeElement === search && search.value) {
      search.value = "";
      search.dispatchEvent(new Event("input"));
    } else if (NARROW.matches && location.hash) location.hash = "";
    return;
  }
  if (typing && event.target.type !== "range" && event.target.type !== "checkbox") {
    if (event.target === search && event.key === "ArrowDown") { event.preventDefault(); moveFocus(1); }
    return;
  }
  if (event.key === "/") { event.preventDefault(); search.focus(); }
  if (event.key === "j" || event.key === "k") {
    const shown = shownEntries();
    // The address is that of the last key already, what is drawn may not be.
    const there = shown.findIndex(({ entry }) => address(entry) === location.hash);
    const at = there >= 0 ? there : shown.findIndex(({ link }) => link.getAttribute("aria-current"));
    const next = shown[Math.min(Math.max(at + (event.key === "j" ? 1 : -1), 0), shown.length - 1)];
    if (next) location.hash = address(next.entry);
  }
});
window.addEventListener("hashchange", openFromAddress);
NARROW.addEventListener("change", openFromAddress);

makeTop();
makeList(run);
openFromAddress();
