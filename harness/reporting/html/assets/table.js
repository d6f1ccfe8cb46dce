// A table that is searched by words, and sorted by a click on the head of a column.

const { header, rows } = data("table");
const made = rows.map((row) => ({
  row, text: row.join(" ").toLowerCase(), item: el("tr", {}, row.map((cell) => el("td", {}, cell))),
}));
let sorted = { column: -1, down: false };

function compareCells(a, b) {
  const [x, y] = [Number(a), Number(b)];
  // Empty cells last, whichever way; numbers as such.
  if (a === "" || b === "") return a === b ? 0 : a === "" ? 2 : -2;
  if (!Number.isNaN(x) && !Number.isNaN(y)) return Math.sign(x - y);
  return a < b ? -1 : a > b ? 1 : 0;
}

function sortBy(column) {
  sorted = { column, down: sorted.column === column && !sorted.down };
  made.sort((a, b) => {
    const order = compareCells(a.row[column], b.row[column]);
    return Math.abs(order) === 2 ? order : sorted.down ? -order : order;
  });
  heads.forEach((head, i) => head.setAttribute("aria-sort", i !== column ? "none" : sorted.down ? "descending" : "ascending"));
  body.replaceChildren(...made.map(({ item }) => item));
}

function applySearch() {
  const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
  let shown = 0;
  for (const { item, text } of made) {
    item.hidden = !words.every((word) => text.includes(word));
    shown += item.hidden ? 0 : 1;
  }
  document.getElementById("shown").textContent = `${shown} of ${made.length} rows`;
}

const search = document.getElementById("search");
const body = el("tbody", {}, made.map(({ item }) => item));
const heads = header.map((name, i) => el("th", { scope: "col", "aria-sort": "none" },
  el("button", { type: "button", click: () => sortBy(i) }, name)));
document.getElementById("rows").append(el("thead", {}, el("tr", {}, heads)), body);
search.addEventListener("input", applySearch);
applySearch();
