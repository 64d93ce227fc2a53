// The page: what the reader sees of the rows, and the address that keeps it.

const pageRows = 100;
const printedRows = 500;

const $ = (id) => document.getElementById(id);
const config = JSON.parse($('data').textContent);
const number = new Intl.NumberFormat('en').format;

// visible replaces characters that can't be seen, and those that change the direction of a text, by their code points.
const visible = (text) => text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu,
  (c) => `‹U+${c.codePointAt(0).toString(16).toUpperCase().padStart(4, '0')}›`);

const kinds = new Map(Object.entries(config.kinds));
const kindName = (kind) => visible(kinds.get(kind) ?? kind);

// el makes an element with children. A text becomes a text node, never HTML.
function el(name, attributes, ...children) {
  const e = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    e.setAttribute(key, value);
  }
  e.append(...children.filter((c) => c !== null && c !== ''));
  return e;
}

// foreign is a text that others wrote. The line may break before an @.
const foreign = (text) => (text === '' ? '' : el('bdi', {},
  ...visible(text).split(/(?=@)/).flatMap((part, i) => (i === 0 ? [part] : [el('wbr', {}), part]))));

const day = (seconds) => iso(seconds).slice(0, 10);

const states = new Map([['old', ['Too old', 'bad']], ['not known', ['Not known', 'unsure']], ['soon', ['Soon', 'warn']],
  ['ok', ['OK', 'good']]]);

// idLines is an id, shortened in the middle on a screen: OCIDs begin all alike. On paper it is whole.
function idLines(id) {
  if (id.length <= 24) {
    return [el('small', { class: 'id' }, foreign(id))];
  }
  return [el('small', { class: 'id screen-only', 'aria-hidden': 'true' }, foreign(`${id.slice(0, 8)}…${id.slice(-6)}`)),
    el('small', { class: 'id print-only' }, foreign(id))];
}

function stateCell(r) {
  const [word, look] = states.get(r.state) ?? [r.state, 'unsure'];
  return [el('span', { class: `state ${look}` }, visible(word))];
}

function ownerCell(r) {
  const badges = [];
  if (r.administrator === 'yes') {
    badges.push(el('span', { class: 'badge' }, 'administrator'));
  } else if (r.administrator !== 'no') {
    badges.push(el('span', { class: 'badge' }, 'administrator: not known'));
  }
  if (r.user_state !== 'ACTIVE') {
    badges.push(el('span', { class: 'badge' }, visible(r.user_state.toLowerCase() || 'state not known')));
  }
  return [foreign(r.user_name || r.user), ...badges.flatMap((b) => [' ', b])];
}

const unsure = () => el('span', { class: 'unsure' }, 'not known');

function dueCell(r) {
  if (r.due === null) {
    return [unsure()];
  }
  const days = Math.floor((r.due - config.at) / 86400);
  const left = days < 0 ? `${number(-days)} d over` : `in ${number(days)} d`;
  return [el('span', { class: 'date' }, day(r.due)), el('small', {}, left)];
}

// The columns of the table. by is the column that it sorts by.
const columns = [
  { name: 'state', title: 'State', by: 'state', cell: stateCell },
  { name: 'kind', title: 'Kind', by: 'kind', cell: (r) => [kindName(r.kind), ...idLines(r.id)] },
  { name: 'owner', title: 'Owner', by: 'user_name', cell: ownerCell },
  { name: 'domain', title: 'Domain', by: 'domain', cell: (r) => [foreign(r.domain)] },
  { name: 'age', title: 'Age in days', by: 'age_days', number: true,
    cell: (r) => [r.age_days === null ? unsure() : number(r.age_days)] },
  { name: 'due', title: `Due at ${config.limit} days`, by: 'due', cell: dueCell },
  { name: 'bound', title: 'Secrets', by: 'secrets', cell: (r) => r.secrets.split('\n').map((s) => el('span', { class: 'line' }, foreign(s))) },
  { name: 'rotation', title: 'Rotation', by: 'rotation', cell: (r) => [foreign(r.rotation)] },
  { name: 'exempt', title: 'Exemption', by: 'exempt', cell: (r) => [foreign(r.exempt)] },
  { name: 'advice', title: 'Advice', by: 'advice', cell: (r) => [foreign(r.advice)] },
];

// details lists what the table has no column for.
const details = (r) => [
  ['Id', r.id], ['Owner', r.user], ['Owner’s state', r.user_state], ['Administrator', r.administrator],
  ['Description', r.description], ['Created', r.created === null ? 'not known' : iso(r.created)],
  ['Expires', r.expires === null ? '' : iso(r.expires)], ['Open problem', r.problem],
  ['Exemption that doesn’t count', r.exempt_flaw],
].filter(([, value]) => value !== '');

// view is what is shown. first, page and sort are in the address, with the filters.
const filters = ['q', 'kind', 'state', 'domain', 'cis', 'bound', 'exempt'];
let view = { sort: 'state', page: 1 };
let rows, order, shown, sortedBy;

function fromAddress() {
  const next = { sort: 'state', page: 1 };
  for (const [key, value] of new URLSearchParams(location.hash.slice(1))) {
    if (filters.includes(key)) {
      next[key] = value;
    } else if (key === 'sort' && columns.some((c) => c.name === value.replace(/^-/, ''))) {
      next.sort = value;
    } else if (key === 'page' && /^[1-9]\d{0,6}$/.test(value)) {
      next.page = Number(value);
    }
  }
  return next;
}

function toAddress() {
  const p = new URLSearchParams();
  for (const key of filters) {
    if (view[key]) {
      p.set(key, view[key]);
    }
  }
  if (view.sort !== 'state') {
    p.set('sort', view.sort);
  }
  if (view.page !== 1) {
    p.set('page', view.page);
  }
  const text = p.toString();
  history.replaceState(null, '', text === '' ? location.pathname + location.search : `#${text}`);
}

// show makes the view the given one, and shows it.
function show(next) {
  view = { ...next };
  if (sortedBy !== view.sort) {
    const column = columns.find((c) => c.name === view.sort.replace(/^-/, ''));
    const before = rows.sorted('age_days', true); // among equals the oldest comes first
    order = rows.sorted(column.by, view.sort.startsWith('-'), before);
    sortedBy = view.sort;
  }
  shown = rows.filtered(order, view);
  view.page = Math.max(1, Math.min(view.page, pageCount()));
  for (const key of filters) {
    setValue($(`filter-${key}`), view[key] ?? '');
  }
  setValue($('sort'), view.sort);
  $('shown').textContent = shown.length === rows.count ? `All ${number(rows.count)} credentials`
    : `${number(shown.length)} of ${number(rows.count)} credentials`;
  heads();
  body(shown.subarray((view.page - 1) * pageRows, view.page * pageRows));
  pager();
}

// setValue leaves a field alone that already has the value, so that the cursor stays. A value that a list doesn't have
// gets an entry: a filter that isn't shown would be misleading.
function setValue(field, value) {
  if (field.value === value) {
    return;
  }
  field.value = value;
  if (field.value !== value && field.options) {
    field.append(el('option', { value }, visible(value)));
    field.value = value;
  }
}

const pageCount = () => Math.max(1, Math.ceil(shown.length / pageRows));

function heads() {
  for (const th of $('rows').tHead.rows[0].cells) {
    const sorted = view.sort.replace(/^-/, '') === th.dataset.name;
    th.setAttribute('aria-sort', !sorted ? 'none' : view.sort.startsWith('-') ? 'descending' : 'ascending');
  }
}

function body(some) {
  const lines = [];
  for (const i of some) {
    const r = rows.row(i);
    const tr = el('tr', { role: 'row' });
    for (const c of columns) {
      const cell = el('td', { role: 'cell', 'data-title': c.title, class: `c-${c.name}` }, ...c.cell(r));
      tr.append(cell);
    }
    const button = el('button', { type: 'button', class: 'detail', 'aria-expanded': 'false',
      'aria-label': `Details of the ${kindName(r.kind)} of ${visible(r.user_name || r.user)}` });
    button.addEventListener('click', () => toggle(button, tr, r));
    tr.cells[0].prepend(button);
    lines.push(tr);
  }
  if (lines.length === 0) {
    lines.push(el('tr', { role: 'row' }, el('td', { role: 'cell', class: 'none', colspan: columns.length },
      rows.count === 0 ? 'The report has no credentials.' : 'No credential fits the filters.')));
  }
  $('rows').tBodies[0].replaceChildren(...lines);
}

function toggle(button, tr, r) {
  const open = button.getAttribute('aria-expanded') === 'true';
  button.setAttribute('aria-expanded', String(!open));
  if (open) {
    tr.nextSibling.remove();
    return;
  }
  const list = el('dl', {}, ...details(r).map(([name, value]) => el('div', {}, el('dt', {}, name), el('dd', {}, foreign(value)))));
  tr.after(el('tr', { role: 'row', class: 'details' }, el('td', { role: 'cell', colspan: columns.length }, list)));
}

function pager() {
  $('page').value = view.page;
  $('page').max = pageCount();
  $('pages').textContent = number(pageCount());
  // A disabled button would lose the focus.
  for (const [ids, off] of [[['first', 'previous'], view.page === 1], [['next', 'last'], view.page === pageCount()]]) {
    for (const id of ids) {
      $(id).setAttribute('aria-disabled', String(off));
    }
  }
}

function change(what) {
  show({ ...view, page: 1, ...what });
  toAddress();
}

function turn(page, scroll) {
  change({ page: Math.max(1, Math.min(page, pageCount())) });
  if (scroll) {
    $('shown').scrollIntoView({ block: 'nearest' });
  }
}

function sortBy(name) {
  const now = view.sort;
  // The first click on a number shows the highest, and on a text the first.
  const down = columns.find((c) => c.name === name).number;
  const begin = down ? `-${name}` : name, other = down ? name : `-${name}`;
  change({ sort: now === begin ? other : begin });
}

function save() {
  const url = URL.createObjectURL(new Blob(['\uFEFF', ...csv(rows, shown)], { type: 'text/csv;charset=utf-8' }));
  el('a', { href: url, download: `keyturn-report-${day(config.at)}.csv` }).click();
  setTimeout(() => URL.revokeObjectURL(url), 60000);
}

function controls() {
  for (const c of columns) {
    const button = el('button', { type: 'button' }, c.title);
    button.addEventListener('click', () => sortBy(c.name));
    $('rows').tHead.rows[0].append(el('th', { scope: 'col', role: 'columnheader', class: `c-${c.name}`, 'data-name': c.name }, button));
    $('sort').append(el('option', { value: c.name }, `${c.title}, ascending`),
      el('option', { value: `-${c.name}` }, `${c.title}, descending`));
  }
  const choices = { kind: (v) => kindName(v), state: (v) => states.get(v)?.[0] ?? v, domain: (v) => v };
  for (const [name, word] of Object.entries(choices)) {
    $(`filter-${name}`).append(...rows.distinct(name).map((v) => el('option', { value: v }, visible(word(v)))));
  }
  // A change waits for the end of the typing. It takes what all fields have then.
  let waiting;
  const apply = () => change({ sort: $('sort').value, ...Object.fromEntries(filters.map((f) => [f, $(`filter-${f}`).value])) });
  $('filters').addEventListener('input', (e) => {
    clearTimeout(waiting);
    waiting = setTimeout(apply, e.target.type === 'search' ? 150 : 0);
  });
  $('filters').addEventListener('submit', (e) => e.preventDefault());
  $('clear').addEventListener('click', () => change(Object.fromEntries(filters.map((f) => [f, '']))));
  $('export').addEventListener('click', save);
  $('first').addEventListener('click', () => turn(1, true));
  $('previous').addEventListener('click', () => turn(view.page - 1, true));
  $('next').addEventListener('click', () => turn(view.page + 1, true));
  $('last').addEventListener('click', () => turn(pageCount(), true));
  $('page').addEventListener('change', () => turn(Number($('page').value) || 1));
  addEventListener('hashchange', () => {
    if (location.hash.includes('=')) {
      show(fromAddress());
      toTable();
    }
  });
}

function toTable() {
  $('credentials').scrollIntoView();
  $('credentials').focus({ preventScroll: true });
}

// On paper the rows that fit the filters are printed, up to a limit that the page states.
function printing() {
  addEventListener('beforeprint', () => {
    const set = filters.filter((f) => view[f]).map((f) => `${f} “${visible(view[f])}”`);
    const all = shown.length <= printedRows;
    $('printed').textContent = `${set.length ? `Only rows with ${set.join(', ')}. ` : ''}${all ? `All ${number(shown.length)} rows`
      : `The first ${number(printedRows)} of ${number(shown.length)} rows`} in the order shown.${all ? '' : ' The file has the rest.'}`;
    body(shown.subarray(0, printedRows));
  });
  addEventListener('afterprint', () => show(view));
}

// fail says that the file can't be trusted.
function fail(why) {
  $('cut').textContent = `This file is not whole: ${why}. Don’t use it as evidence; make the report again.`;
  $('cut').hidden = false;
  $('loading').hidden = true;
}

async function main() {
  const end = $('end');
  if (!end) {
    fail('its end is missing');
    return;
  }
  if (typeof DecompressionStream === 'undefined') {
    $('loading').hidden = false;
    $('loading').textContent = 'This browser is too old to show the table. The rest of this page is complete without it.';
    return;
  }
  $('loading').hidden = false;
  rows = new Rows(Number(end.dataset.rows), config);
  try {
    await rows.read(document.querySelectorAll('script.rows'), (n) => {
      $('loading').textContent = `Reading the rows: ${number(n)} of ${number(rows.count)}`;
    });
  } catch (e) {
    fail(`its rows can’t be read (${e.message})`);
    return;
  }
  controls();
  printing();
  show(fromAddress());
  $('loading').hidden = true;
  $('browse').hidden = false;
  for (const e of document.querySelectorAll('.more.needs-script')) {
    e.hidden = false;
  }
  if (location.hash.includes('=')) {
    toTable();
  }
  document.documentElement.dataset.ready = 'yes';
}

await main().catch((e) => fail(`it can’t be shown (${e.message})`));
