import type { Option } from '../search/option.ts';
import { SEARCH_OPTIONS } from '../search/options.ts';

/** The choices of a boolean on the page. */
const SHOWN = { '': 'Shown', false: 'Hidden', true: 'Only these' };

type Values = Readonly<Record<string, string>>;

/** The page with the fields of its form and their values. The fields come from the table of search options. */
export function withForm(template: string, values: Values = {}): string {
  const fields = Object.entries<Option>(SEARCH_OPTIONS).filter(([, option]) => option.label !== undefined);
  const html = (prominent: boolean) =>
    fields
      .filter(([, option]) => (option.prominent ?? false) === prominent)
      .map(([name, option]) => (prominent ? prominentField(name, option, values) : field(name, option, values)))
      .join('\n      ');
  return template
    .replace('<!-- prominent fields -->', () => html(true))
    .replace('<!-- fields -->', () => html(false))
    .replace('<input id="q"', part => `${part} value="${escapeHtml(values.q ?? '')}"`);
}

function prominentField(name: string, option: Option, values: Values): string {
  const label = escapeHtml(option.label!);
  if (!('enum' in option.schema))
    return `<label class="unseen" for="${name}">${label}</label>\n      <select id="${name}" name="${name}">${choices(option, values[name])}</select>`;
  const radios = Object.entries(option.choices!).map(
    ([value, text]) =>
      `<label><input type="radio" name="${name}" value="${escapeHtml(value)}"${value === (values[name] ?? '') ? ' checked' : ''}>${escapeHtml(text)}</label>`,
  );
  return `<fieldset><legend class="unseen">${label}</legend>${radios.join('')}</fieldset>`;
}

function field(name: string, option: Option, values: Values): string {
  const { label = name, schema, example = '', suggestions = [] } = option;
  const chosen = option.choices ?? (schema.type === 'boolean' ? SHOWN : null);
  if (chosen)
    return `<label>${escapeHtml(label)}<select name="${name}">${choices({ ...option, choices: chosen }, values[name])}</select></label>`;
  const most = schema.type === 'string' ? ` maxlength="${schema.maxLength}"` : '';
  const list = suggestions.length > 0 ? ` list="${name}-list"` : '';
  const offered = suggestions.map(value => `<option>${escapeHtml(value)}</option>`).join('');
  return [
    `<label>${escapeHtml(label)}<input name="${name}"${list}${most} placeholder="${escapeHtml(example)}" value="${escapeHtml(values[name] ?? '')}"></label>`,
    list && `<datalist id="${name}-list">${offered}</datalist>`,
  ].join('');
}

function choices(option: Option, chosen = ''): string {
  const known = option.choices ?? {};
  return Object.entries(chosen in known ? known : { ...known, [chosen]: chosen })
    .map(
      ([value, text]) =>
        `<option value="${escapeHtml(value)}"${value === chosen ? ' selected' : ''}>${escapeHtml(text)}</option>`,
    )
    .join('');
}

/** A text as HTML, for an element or a quoted attribute. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, sign => `&#${sign.charCodeAt(0)};`);
}
