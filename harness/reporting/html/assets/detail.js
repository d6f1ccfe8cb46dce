// One case, whole. Its data is read when it is opened, and gone when another is.

function showCase(entry, index) {
  const view = data(`case-${index}`);
  const { judgement } = view;
  const compared = [
    judgement.tier, view.baseline && view.baseline.path && `${judgement.tier ? "compared with" : "its baseline is"} ${view.baseline.path}`,
  ].filter(Boolean).join(", ");
  const pane = document.getElementById("case-view");
  const node = el("article", { "data-case": `${entry.suite}/${entry.id}` },
    el("a", { class: "back", href: "#" }, "← all cases"),
    el("header", { class: "case-head" },
      badge(judgement.verdict),
      el("h2", {}, el("span", { class: "suite" }, `${entry.suite}/`), entry.id),
      el("p", { class: "note" }, compared)),
    whySection(view),
    picturesSection(view.pictures),
    el("div", { class: "columns" }, stepsSection(view.steps), histogramSection(view.histogram)),
    rowsSection(view.rows),
    environmentSection(view), ledgerSection(view.ledger), checkpointSection(view.checkpoint),
    el("div", { class: "columns" }, provenanceSection(view.baseline), caseSection(view)),
    commandsSection(view.commands));
  pane.replaceChildren(node);
}
