// The rows of the report: reading, sorting and filtering. Nothing here touches the page but read, which takes the
// blocks out of it.

// Texts is a column of texts. It has each text once.
class Texts {
  constructor(rows) {
    this.of = new Uint32Array(rows); // the index of each row's text in values
    this.values = [];
    this.known = new Map();
  }

  add(from, rows, column) {
    const to = column.d.map((text) => {
      let i = this.known.get(text);
      if (i === undefined) {
        i = this.values.push(text) - 1;
        this.known.set(text, i);
      }
      return i;
    });
    for (let k = 0; k < rows; k++) {
      this.of[from + k] = to[column.i ? column.i[k] : to.length === 1 ? 0 : k];
    }
  }

  get(row) { return this.values[this.of[row]]; }

  // done frees what only add needs.
  done() { this.known = null; }

  // lower returns the texts in lower case, for searches.
  lower() {
    this.lowered ??= this.values.map((text) => text.toLowerCase());
    return this.lowered;
  }

  // ranks returns each row's place in the order, from 0. Rows without a text have the rank count.
  ranks(weight) {
    if (!this.ranked) {
      const key = weight ? this.values.map(weight) : this.lower();
      const order = [...key.keys()].filter((i) => this.values[i] !== '');
      order.sort((a, b) => (key[a] < key[b] ? -1 : key[a] > key[b] ? 1 : this.values[a] < this.values[b] ? -1 : 1));
      const place = new Uint32Array(key.length).fill(order.length);
      order.forEach((i, n) => { place[i] = n; });
      this.ranked = { of: this.of.map((i) => place[i]), count: order.length };
    }
    return this.ranked;
  }
}

// Numbers is a column of numbers. What isn't known is null in the blocks; it sorts as the number that absent says.
class Numbers {
  constructor(rows, absent) {
    this.of = new Float64Array(rows);
    this.absent = absent;
  }

  add(from, rows, column) {
    for (let k = 0; k < rows; k++) {
      this.of[from + k] = column[k] ?? this.absent;
    }
  }

  get(row) { return Number.isFinite(this.of[row]) ? this.of[row] : null; }

  done() {}

  ranks() {
    if (!this.ranked) {
      const order = Float64Array.from(new Set(this.of)).sort();
      const place = new Map(Array.from(order, (n, i) => [n, i]));
      this.ranked = { of: Uint32Array.from(this.of, (n) => place.get(n)), count: order.length };
    }
    return this.ranked;
  }
}

// bytes decodes base64.
function bytes(text) {
  if (Uint8Array.fromBase64) {
    return Uint8Array.fromBase64(text);
  }
  const chars = atob(text);
  const out = new Uint8Array(chars.length);
  for (let i = 0; i < chars.length; i++) {
    out[i] = chars.charCodeAt(i);
  }
  return out;
}

// The states, the worst first. A state that isn't known is as bad as a credential that is too old.
const stateOrder = ['old', 'not known', 'soon', 'ok'];

const searched = ['user_name', 'user', 'domain', 'id', 'kind', 'description', 'secrets', 'rotation', 'problem', 'exempt',
  'exempt_flaw', 'advice'];

class Rows {
  // cis says what the recommendations are about.
  constructor(count, cis) {
    this.count = count;
    this.cis = { ...cis, aged: new Map(Object.entries(cis.aged)) };
    this.columns = {};
    for (const name of ['kind', 'id', 'domain', 'user', 'user_name', 'user_state', 'administrator', 'description',
      'secrets', 'rotation', 'problem', 'exempt', 'exempt_flaw', 'state', 'advice']) {
      this.columns[name] = new Texts(count);
    }
    // An age that isn't known counts as the highest, and a due date that isn't known as past. A credential without an
    // expiry never expires.
    this.columns.age_days = new Numbers(count, Infinity);
    this.columns.created = new Numbers(count, -Infinity);
    this.columns.due = new Numbers(count, -Infinity);
    this.columns.expires = new Numbers(count, Infinity);
  }

  // read takes the rows out of the blocks, and removes the blocks from the page. It fails if a block is damaged, or if
  // the blocks have another number of rows.
  async read(blocks, progress) {
    let at = 0;
    for (const block of blocks) {
      const packed = bytes(block.textContent);
      block.remove();
      const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream('gzip'));
      const { rows, texts, numbers } = await new Response(stream).json();
      if (at + rows > this.count) {
        throw new Error('it has more rows than it says');
      }
      for (const [name, column] of Object.entries({ ...texts, ...numbers })) {
        this.columns[name].add(at, rows, column);
      }
      at += rows;
      progress(at);
    }
    if (at !== this.count) {
      throw new Error(`it has ${at} of ${this.count} rows`);
    }
    for (const column of Object.values(this.columns)) {
      column.done();
    }
  }

  // row returns a row as an object.
  row(i) {
    return Object.fromEntries(Object.entries(this.columns).map(([name, column]) => [name, column.get(i)]));
  }

  // distinct returns the texts of a column, in order.
  distinct(name) { return this.columns[name].values.filter((text) => text !== '').sort(); }

  // sorted returns the numbers of all rows in the order of a column. Rows that are equal stay in the order of before.
  // Rows without a text are last in both directions.
  sorted(name, descending, before) {
    const weight = name === 'state' ? (text) => stateOrder.indexOf(text) : undefined;
    const { of, count } = this.columns[name].ranks(weight);
    const place = (row) => (descending && of[row] < count ? count - 1 - of[row] : of[row]);
    const starts = new Uint32Array(count + 2);
    for (let row = 0; row < this.count; row++) {
      starts[place(row) + 1]++;
    }
    for (let n = 1; n < starts.length; n++) {
      starts[n] += starts[n - 1];
    }
    const out = new Uint32Array(this.count);
    for (let k = 0; k < this.count; k++) {
      const row = before ? before[k] : k;
      out[starts[place(row)]++] = row;
    }
    return out;
  }

  // matches returns a function that says whether a row fits the filters.
  matches(f) {
    const tests = [];
    for (const name of ['kind', 'state', 'domain']) {
      if (f[name]) {
        const wanted = this.columns[name].values.indexOf(f[name]);
        tests.push((row) => this.columns[name].of[row] === wanted);
      }
    }
    for (const [name, column] of [['bound', 'secrets'], ['exempt', 'exempt']]) {
      if (f[name]) {
        tests.push((row) => (this.columns[column].get(row) !== '') === (f[name] === 'yes'));
      }
    }
    if (f.cis) {
      tests.push(this.againstTest(f.cis));
    }
    for (const word of (f.q ?? '').toLowerCase().split(/\s+/).filter(Boolean)) {
      tests.push(this.textTest(word));
    }
    return (row) => tests.every((test) => test(row));
  }

  // textTest searches each text once, however many rows have it.
  textTest(word) {
    const hits = searched.map((name) => {
      const column = this.columns[name];
      return { of: column.of, found: Uint8Array.from(column.lower(), (text) => (text.includes(word) ? 1 : 0)) };
    }).filter(({ found }) => found.includes(1));
    return (row) => hits.some(({ of, found }) => found[of[row]] === 1);
  }

  // againstTest tests whether a row is against a CIS recommendation.
  againstTest(recommendation) {
    const { kind, age_days: age, administrator, user } = this.columns;
    const { aged, aged_limit: limit, signing_key: key } = this.cis;
    if (aged.has(recommendation)) {
      const wanted = aged.get(recommendation);
      return (row) => kind.get(row) === wanted && age.get(row) !== null && age.get(row) >= limit;
    }
    this.several ??= this.usersWithKeys(key);
    switch (recommendation) {
      case '1.12':
        return (row) => kind.get(row) === key && administrator.get(row) === 'yes';
      case '1.17':
        return (row) => kind.get(row) === key && this.several.has(user.of[row]);
      default:
        return () => false;
    }
  }

  // usersWithKeys returns the users with more than one API key.
  usersWithKeys(key) {
    const { kind, user } = this.columns;
    const one = new Set(), several = new Set();
    for (let row = 0; row < this.count; row++) {
      if (kind.get(row) === key) {
        (one.has(user.of[row]) ? several : one).add(user.of[row]);
      }
    }
    return several;
  }

  // filtered returns those of the given rows that fit.
  filtered(order, f) { return order.filter(this.matches(f)); }
}

// csv writes rows as CSV, in parts, as keyturn report does. A spreadsheet would run a cell that begins like a formula, so an apostrophe comes
// before it.
function* csv(rows, order) {
  const names = ['kind', 'id', 'domain', 'user', 'user_name', 'user_state', 'administrator', 'description', 'created',
    'expires', 'age_days', 'due', 'state', 'secrets', 'rotation', 'problem', 'exempt', 'exempt_flaw', 'advice'];
  const written = {
    created: iso, expires: iso, due: iso, secrets: (text) => text.replaceAll('\n', '; '),
  };
  const cell = (name, value) => {
    const text = value === null ? '' : String(written[name]?.(value) ?? value);
    return `"${(/^[ \u00A0\uFEFF]*[=+\-@\t\r\n|%\uFF1D\uFF0B\uFF0D\uFF20]/.test(text) ? `'${text}` : text).replaceAll('"', '""')}"`;
  };
  yield `${names.join(',')}\r\n`;
  for (let from = 0; from < order.length; from += 5000) {
    let part = '';
    for (const row of order.subarray(from, from + 5000)) {
      part += `${names.map((name) => cell(name, rows.columns[name].get(row))).join(',')}\r\n`;
    }
    yield part;
  }
}

// iso writes Unix time as RFC 3339; a time that a browser can't write stays a number.
function iso(seconds) {
  const time = new Date(seconds * 1000);
  return Number.isNaN(time.getTime()) ? String(seconds) : time.toISOString().replace('.000Z', 'Z');
}
