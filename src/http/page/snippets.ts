import { clean, el, oneLine } from './dom.ts';
import { isCommit, revision, type Shown } from './server.ts';
import { state } from './state.ts';

// Snippets name the indexed revision, so that what is copied is what was found.
const shellWord = (text: string) => (/^[\w.:/#+-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`);
const nixString = (text: string) => `"${text.replace(/["\\]/g, '\\$&').replaceAll('${', '\\${')}"`;

/** Title and text of each way to use a hit. */
function snippets(hit: Shown): [string, string][] {
  const attribute = oneLine(hit.packageName, 500);
  if (hit.type === 'option') {
    const path = attribute.replace(/^option:/, '').replace(/<(\w+)>/g, '"$1"');
    const { example, default: standard } = hit.option ?? {};
    return [['NixOS', `${path} = ${clean(example ?? standard ?? '…').replace(/[;\s]+$/, '')};`]];
  }
  const pinned = isCommit(revision);
  const flakeRef = pinned ? `github:NixOS/nixpkgs/${revision}` : 'nixpkgs';
  const installable = shellWord(`${flakeRef}#${attribute}`);
  const allowed = [hit.unfree && 'UNFREE', hit.insecure && 'INSECURE', hit.broken && 'BROKEN'].filter(Boolean);
  const before = allowed.map(what => `NIXPKGS_ALLOW_${what}=1 `).join('');
  const impure = allowed.length ? '--impure ' : '';
  const permitted = nixString(oneLine(`${hit.pname}-${hit.version}`));
  const config = [
    hit.unfree && 'allowUnfree = true;',
    hit.broken && 'allowBroken = true;',
    hit.insecure && `permittedInsecurePackages = [ ${permitted} ];`,
  ].filter(Boolean);
  const configured = config.length ? ` config = { ${config.join(' ')} };` : '';
  const systems = hit.platforms ?? [];
  const preferred = [state.platform, 'x86_64-linux', 'aarch64-darwin', systems[0]];
  const system = preferred.find(one => one && systems.includes(one) && /^[\w-]+$/.test(one)) ?? 'x86_64-linux';
  const flake = `{
  inputs.nixpkgs.url = "${flakeRef}";
  outputs = { nixpkgs, ... }:
    let pkgs = import nixpkgs { system = ${nixString(system)};${configured} };
    in { devShells.\${pkgs.stdenv.hostPlatform.system}.default = pkgs.mkShell { packages = [ pkgs.${attribute} ]; }; };
}`;
  const source = pinned ? `(fetchTarball "https://github.com/NixOS/nixpkgs/archive/${revision}.tar.gz")` : '<nixpkgs>';
  const nixos =
    pinned || configured
      ? `environment.systemPackages = [
  (import ${source} {
    inherit (pkgs.stdenv.hostPlatform) system;${configured ? `\n   ${configured}` : ''}
  }).${attribute}
];`
      : `environment.systemPackages = [ pkgs.${attribute} ];`;
  return [
    ...(hit.mainProgram ? [['nix run', `${before}nix run ${impure}${installable}`] as [string, string]] : []),
    ['nix shell', `${before}nix shell ${impure}${installable}`],
    ['flake.nix', flake],
    ['NixOS', nixos],
  ];
}

/** The snippets as tabs, with a button that copies the one shown. */
export function uses(hit: Shown): HTMLElement {
  const all = snippets(hit);
  const id = `use-${Math.random().toString(36).slice(2)}`;
  const code = el('pre', { id, role: 'tabpanel' });
  const onclick = () => copy(code.textContent!, button);
  const button = el('button', { type: 'button', class: 'copy', onclick }, 'Copy');
  const tabs = all.map(([name], i) => {
    const onkeydown = (event: KeyboardEvent) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (!step) return;
      const next = (i + step + all.length) % all.length;
      choose(next);
      tabs[next]!.focus();
    };
    const properties = { type: 'button', role: 'tab', id: `${id}-${i}`, 'aria-controls': id };
    return el('button', { ...properties, onclick: () => choose(i), onkeydown }, name);
  });
  const choose = (chosen: number) => {
    for (const [i, tab] of tabs.entries()) {
      tab.setAttribute('aria-selected', String(i === chosen));
      tab.tabIndex = i === chosen ? 0 : -1;
    }
    code.textContent = all[chosen]![1];
    code.setAttribute('aria-labelledby', `${id}-${chosen}`);
  };
  choose(0);
  const bar = el('div', { class: 'bar' }, el('div', { role: 'tablist', 'aria-label': 'How to use it' }, tabs), button);
  return el('div', { class: 'use' }, bar, code);
}

export async function copy(text: string, button: HTMLElement | null): Promise<void> {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // Outside a secure context only the old way works.
    const area = el('textarea', { class: 'unseen', 'aria-hidden': 'true' });
    area.value = text;
    const held = document.activeElement as HTMLElement | null;
    document.body.append(area);
    area.select();
    document.execCommand('copy');
    area.remove();
    held?.focus();
  }
  document.getElementById('said')!.textContent = `Copied: ${text.split('\n')[0]}`;
  if (!button) return;
  button.textContent = 'Copied';
  button.classList.add('done');
  setTimeout(() => {
    button.textContent = 'Copy';
    button.classList.remove('done');
  }, 1500);
}
