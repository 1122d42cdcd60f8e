/**
 * The workflows, read by GitHub's own parser, and their scripts unchanged, with stand-ins of the programs that they
 * call.
 */

import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, cpSync, existsSync, globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { basename, join } from 'node:path';
import { text } from 'node:stream/consumers';
import type * as Parser from '@actions/workflow-parser';
import { build } from 'esbuild';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { fdnix } from '../cli/fdnix.ts';
import { listen, type Service } from '../emulators/listen.ts';
import { PROGRAM } from '../program.ts';
import { everyNth, writeRelease } from '../sample.ts';
import { temporaryDir } from '../temporary.ts';
import { type Key, makeKey, serve } from './host.ts';

const root = join(import.meta.dirname, '../..');
const workflows = globSync('.github/workflows/*.yml', { cwd: root }).sort();
const scripts = globSync('.github/release/*.sh', { cwd: root }).sort();
const read = (file: string) => readFileSync(join(root, file), 'utf8');

const lint = suite('workflows');

/** The parser imports JSON in a way that bundlers take and Node does not. */
async function openParser(): Promise<typeof Parser> {
  const options = { bundle: true, write: false, format: 'esm', platform: 'node', logLevel: 'silent' } as const;
  const { outputFiles } = await build({ entryPoints: ['@actions/workflow-parser'], absWorkingDir: root, ...options });
  const text = `import { createRequire } from 'node:module'; const require = createRequire('${root}/');${outputFiles[0]!.text}`;
  return import(`data:text/javascript;base64,${Buffer.from(text).toString('base64')}`);
}

lint("GitHub's parser finds nothing wrong with any workflow, and something with a wrong one", async () => {
  const { NoOperationTraceWriter, parseWorkflow } = await openParser();
  assert.ok(workflows.length >= 4);
  const errors = (name: string, content: string) => {
    const { context } = parseWorkflow({ name, content }, new NoOperationTraceWriter());
    return context.errors.getErrors().map(error => `${name}: ${error.message}`);
  };
  for (const file of workflows) assert.equal(errors(file, read(file)), []);
  assert.ok(errors('wrong', 'on: push\njobs:\n  a:\n    runs: ubuntu-latest\n').length > 0);
});

lint('every action is one commit, with the version that it is beside it', () => {
  const pins = new Map<string, string>();
  for (const file of workflows)
    for (const [, action, rest] of read(file).matchAll(/uses: ([^\s@]+)(.*)/g)) {
      if (action!.startsWith('./')) continue;
      assert.match(rest!, /^@[0-9a-f]{40} # v\d+\.\d+\.\d+$/, `${file}: ${action}`);
      assert.is(pins.get(action!) ?? rest, rest, `${action} in two versions`);
      pins.set(action!, rest!);
    }
  assert.ok(pins.size >= 4);
});

lint('every script that a workflow calls is there, and every script is called', () => {
  const called = workflows.flatMap(file => read(file).match(/\.github\/release\/[\w.-]+\.sh/g) ?? []);
  assert.equal([...new Set(called)].sort(), scripts);
});

const shellcheck = spawnSync('shellcheck', ['--version']).status === 0;
if (!shellcheck) console.log('skipped: no shellcheck on PATH for the scripts of the workflows');
(shellcheck ? lint : lint.skip)('shellcheck finds nothing in the scripts', () => {
  const { status, stdout } = spawnSync(
    'shellcheck',
    scripts.map(file => join(root, file)),
    { encoding: 'utf8' },
  );
  assert.is(status, 0, stdout);
});

lint('what may write waits for the checks', () => {
  assert.match(read('.github/workflows/index.yml'), /publish:\n {4}needs: \[prepare, verify, check\]/);
  assert.match(read('.github/workflows/release.yml'), /images:\n {4}needs: check/);
});

const missing = ['jq', 'git', 'openssl', 'bash', 'curl'].filter(name => spawnSync(name, ['--version']).error);
if (missing.length > 0)
  console.log(`skipped: the scripts of the release are not run: no ${missing.join(', ')} on PATH`);
(missing.length === 0 ? lint : lint.skip)('a tag is held against the version and the changelog', () => {
  const dir = temporaryDir();
  writeFileSync(join(dir, 'package.json'), '{"version": "1.2.3"}');
  writeFileSync(join(dir, 'CHANGELOG.md'), '# Changelog\n\n## 1.2.3 (2026-11-21)\n');
  const run = (tag: string) =>
    spawnSync(join(root, '.github/release/version.sh'), [tag], { cwd: dir, encoding: 'utf8' });
  assert.is(run('v1.2.3').status, 0);
  assert.is(run('v1.2.4').status, 1);
  assert.is(run('v1.2.4').stderr, 'the tag is v1.2.4 and package.json has 1.2.3\n');
  writeFileSync(join(dir, 'CHANGELOG.md'), '# Changelog\n\n## Unreleased\n');
  assert.match(run('v1.2.3').stderr, /has no section/);
});

interface Stage {
  dir: string;
  work: string;
  key: Key;
  env: Record<string, string>;
  channels: Service;
}
const release = suite<Stage>('release');
const OLD = '1'.repeat(40);
const NEW = '2'.repeat(40);
const LIST = 'the archive with the list of programs';

/** A host of channels: the address of a channel leads to the folder of its newest release. */
function channelHost(): Promise<Service> {
  const files: Record<string, string> = { 'git-revision': NEW, 'nixexprs.tar.xz': LIST };
  const server = createServer(({ url }, response) => {
    const [, folder, file] = /^\/(.*)\/([^/]+)$/.exec(url!) ?? [];
    if (folder === 'nixos-unstable') response.writeHead(302, { location: `/${RELEASE}/${file}` }).end();
    else if (folder === 'broken') response.end('<html>');
    else if (folder === RELEASE && files[file!] !== undefined) response.end(files[file!]);
    else response.writeHead(404).end();
  });
  return listen(server);
}
const RELEASE = 'nixos/unstable/nixos-26.11pre2.222222222222';

/** A checkout with an origin, two indexes, and stand-ins of gh, nix and minisign that do the same with files. */
release.before(async stage => {
  stage.dir = temporaryDir();
  stage.key = makeKey();
  const at = (...path: string[]) => join(stage.dir, ...path);
  const packages = writeRelease(at('packages.json'), everyNth(27));
  for (const [name, revision, day] of [
    ['before', OLD, 1],
    ['after', NEW, 8],
  ] as const) {
    const env = { SOURCE_DATE_EPOCH: String(Date.UTC(2026, 9, day) / 1000) };
    const { code, stderr } = await fdnix(['run', '--quiet', '--from', packages, '--revision', revision], {
      home: at(name),
      env,
    });
    assert.is(code, 0, stderr);
  }
  stage.work = at('work');
  mkdirSync(stage.work);
  for (const path of [
    '.github',
    'tools',
    'src',
    'test/fixtures/sample.json.br',
    'package.json',
    'package-lock.json',
    'nix/published.json',
    'nix/programs-list.json',
    'tsconfig.json',
  ])
    cpSync(join(root, path), join(stage.work, path), { recursive: true });
  // The manifest of this rehearsal is signed by a key that only its program pins.
  writeFileSync(
    join(stage.work, 'src/releases/keys.ts'),
    `export const PINNED: readonly string[] = ['${stage.key.publicKey}'];\n`,
  );
  writeFileSync(join(stage.work, 'tools/sbom.ts'), "console.log('{}');\n"); // asks npm; it has a test of its own
  writeFileSync(join(stage.work, 'flake.lock'), lock(OLD));
  writeFileSync(at('lock'), lock(NEW));
  const git = (...args: string[]) => execFileSync('git', args, { cwd: stage.work, stdio: 'ignore' });
  execFileSync('git', ['init', '--quiet', '--bare', '--initial-branch=main', at('origin')]);
  git('init', '--quiet', '--initial-branch=main');
  // The model and the sample are compressed already. Compressing them again took most of this test's time.
  git('config', 'core.compression', '0');
  git('config', 'pack.window', '0');
  git('-c', 'user.name=x', '-c', 'user.email=x@x', 'commit', '--quiet', '--allow-empty', '--message', 'begin');
  git('add', '--all');
  git('-c', 'user.name=x', '-c', 'user.email=x@x', 'commit', '--quiet', '--message', 'all');
  git('remote', 'add', 'origin', at('origin'));
  git('push', '--quiet', 'origin', 'main');

  mkdirSync(at('bin'));
  mkdirSync(at('releases'));
  const stand = (name: string, text: string) => {
    writeFileSync(at('bin', name), text);
    chmodSync(at('bin', name), 0o755);
  };
  const node = `${process.execPath} --disable-warning=ExperimentalWarning`;
  stand('node', `#!/bin/sh\nexec ${node} "$@"\n`);
  // Signs with this rehearsal's key, whatever secret it gets.
  writeFileSync(
    at('sign.ts'),
    `
    import { readFileSync, writeFileSync } from 'node:fs';
    import { parseArgs } from 'node:util';
    import { sign, createHash, createPrivateKey } from 'node:crypto';
    const { values } = parseArgs({ options: { S: { type: 'boolean', short: 'S' }, s: { type: 'string', short: 's' },
      m: { type: 'string', short: 'm' }, x: { type: 'string', short: 'x' }, t: { type: 'string', short: 't' } } });
    const { id, pem } = JSON.parse(readFileSync(values.s, 'utf8'));
    const key = createPrivateKey(pem);
    const first = sign(null, createHash('blake2b512').update(readFileSync(values.m)).digest(), key);
    const second = sign(null, Buffer.concat([first, Buffer.from(values.t)]), key);
    const head = Buffer.concat([Buffer.from('ED'), Buffer.from(id, 'base64'), first]).toString('base64');
    writeFileSync(values.x, 'untrusted comment: x\\n' + head + '\\ntrusted comment: ' + values.t + '\\n' + second.toString('base64') + '\\n');
  `,
  );
  stand('minisign', `#!/bin/sh\nexec ${node} ${at('sign.ts')} "$@"\n`);
  stand(
    'docker',
    `#!/bin/bash
set -euo pipefail
case "$3" in
  create) echo "$*" >> "$STAGE/lists" ;;
  inspect) printf '"sha256:%s"' "$(basename "$4" | tr : -)" ;;
esac
`,
  );
  stand(
    'nix',
    `#!/bin/bash
set -euo pipefail
case "$1 $2" in
  "flake update") [ "$3" != nixpkgs ] || cp "$STAGE/lock" flake.lock; echo "nix $*" >> "$STAGE/calls" ;;
  "flake prefetch") printf '{"hash": "sha256-%s", "locked": {"lastModified": 8, "rev": "%s"}}' "$(basename "$4")" "$(basename "$4")" ;;
  "eval --raw") printf %s "$(printf k%.0s {1..64})" ;;
  "hash path") [ "$3" = /store/programs ] && echo sha256-unpacked ;;
  "build --no-link") echo /store/programs ;;
  "build "*)
    while [ "$1" != --out-link ]; do shift; done
    index=$STAGE/before/index.sqlite
    [ "$3" = .#index ] || index=$STAGE/\${BUILT:-after}/index.sqlite
    ln -sfn "$index" "$2" ;;
  "run "*) shift 3; exec ${node} ${PROGRAM} "$@" ;;
  *) echo "nix $*?" >&2; exit 1 ;;
esac
`,
  );
  // A release is a folder; \`draft\` and \`latest\` in it are what they are on the host.
  stand(
    'gh',
    `#!/bin/bash
set -euo pipefail
echo "gh $*" >> "$STAGE/calls"
r=$STAGE/releases
case "$1 $2" in
  "release view")
    if [ $# = 2 ]; then ls "$r"/*/.latest > /dev/null 2>&1; exit; fi
    [ -d "$r/$3" ] || exit 1
    [ $# = 3 ] || { [ -e "$r/$3/.draft" ] && echo true || echo false; } ;;
  "release create") tag=$3; mkdir "$r/$tag"; touch "$r/$tag/.draft"
    for asset in "$@"; do case "$asset" in */assets/*) cp "$asset" "$r/$tag/" ;; esac; done ;;
  "release delete") rm -r "\${r:?}/$3" ;;
  "release download")
    shift 2; tag=; [ "$1" = --pattern ] || { tag=$1; shift; }
    [ -n "$tag" ] || tag=$(basename "$(dirname "$(ls "$r"/*/.latest)")")
    cp "$r/$tag/$2" "$4/" ;;
  "release edit") rm -f "$r"/*/.latest "$r/$3/.draft"; touch "$r/$3/.latest" ;;
  "pr create") echo "$*" >> "$STAGE/pulls" ;;
  *) echo "gh $*?" >&2; exit 1 ;;
esac
`,
  );
  stage.channels = await channelHost();
  stage.env = {
    CHANNELS: stage.channels.url,
    PATH: `${at('bin')}:${process.env.PATH}`,
    HOME: stage.dir,
    STAGE: stage.dir,
    GITHUB_REPOSITORY: 'fdnix/fdnix',
    GITHUB_OUTPUT: at('output'),
    INDEX_SIGNING_KEY: stage.key.secret,
  };
});

release.after(({ channels }) => channels?.close());

function lock(rev: string): string {
  const locked = { lastModified: 1, narHash: 'sha256-old', owner: 'NixOS', repo: 'nixpkgs', rev, type: 'github' };
  return JSON.stringify({ nodes: { nixpkgs: { locked: { rev: OLD } }, 'nixpkgs-indexed': { locked } } });
}

async function step(stage: Stage, script: string, env: Record<string, string> = {}) {
  const child = spawn('bash', [`.github/release/${script}`], { cwd: stage.work, env: { ...stage.env, ...env } });
  const ended = new Promise<number | null>(resolve => child.once('close', resolve));
  const [stdout, stderr, status] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
  return { status, stdout, stderr };
}

const BRANCH = `index-${NEW.slice(0, 12)}`;
const ASSET = `${BRANCH}.sqlite.zst`;

const rehearse = missing.length === 0 ? release : release.skip;
rehearse(
  'from a channel that has moved to an index that everybody fetches, and no pin without its asset',
  async stage => {
    const at = (...path: string[]) => join(stage.dir, ...path);
    const git = (...args: string[]) => execFileSync('git', args, { cwd: stage.work, encoding: 'utf8' }).trim();
    const main = () => execFileSync('git', ['-C', at('origin'), 'rev-parse', 'main'], { encoding: 'utf8' }).trim();
    const begin = main();

    const prepared = await step(stage, 'prepare.sh');
    assert.is(prepared.status, 0, prepared.stderr);
    assert.match(prepared.stdout, /\| packages \| (\d+) \| \1 \|/);
    const output = Object.fromEntries(
      readFileSync(at('output'), 'utf8')
        .trim()
        .split('\n')
        .map(line => line.split('=')),
    );
    assert.equal(output, { revision: NEW, branch: BRANCH, commit: git('rev-parse', 'HEAD') });
    assert.ok(existsSync(at('releases', BRANCH, '.draft')), 'nobody sees it yet');
    assert.is(main(), begin, 'nor a pin');
    const changed = git('show', '--name-only', '--format=', 'HEAD').split('\n');
    assert.equal(changed, ['flake.lock', 'nix/programs-list.json', 'nix/published.json']);
    const committed = (file: string) => JSON.parse(git('show', `HEAD:${file}`));
    const locked = {
      lastModified: 8,
      narHash: `sha256-${NEW}`,
      owner: 'NixOS',
      repo: 'nixpkgs',
      rev: NEW,
      type: 'github',
    };
    assert.equal(committed('flake.lock').nodes['nixpkgs-indexed'].locked, locked);
    assert.match(readFileSync(at('calls'), 'utf8'), /^nix flake update home-manager nix-darwin$/m);
    assert.equal(committed('nix/programs-list.json'), {
      [NEW]: {
        url: `${stage.channels.url}/${RELEASE}/nixexprs.tar.xz`,
        hash: `sha256-${createHash('sha256').update(LIST).digest('base64')}`,
      },
    });
    const pin = JSON.parse(git('show', 'HEAD:nix/published.json'))[NEW];
    assert.is(pin.url, `https://github.com/fdnix/fdnix/releases/download/${BRANCH}/${ASSET}`);
    assert.equal(pin.usage, {}, 'the index of this test was made without usage texts');
    execFileSync('sha256sum', ['--check', '--quiet', 'SHA256SUMS'], { cwd: at('releases', BRANCH) });

    const wrong = await step(stage, 'verify.sh', { BRANCH, BUILT: 'before' });
    assert.is(wrong.status, 1);
    assert.match(wrong.stderr, /^built here: sha256-.*; pinned: sha256-/);
    const asset = readFileSync(at('releases', BRANCH, ASSET));
    writeFileSync(at('releases', BRANCH, ASSET), 'another');
    assert.match((await step(stage, 'verify.sh', { BRANCH })).stderr, /in the draft is not what is pinned/);
    writeFileSync(at('releases', BRANCH, ASSET), asset);
    const verified = await step(stage, 'verify.sh', { BRANCH });
    assert.is(verified.status, 0, verified.stderr);

    const published = await step(stage, 'publish.sh', { BRANCH, COMMIT: output.commit! });
    assert.is(published.status, 0, published.stderr);
    assert.not(existsSync(at('releases', BRANCH, '.draft')));
    assert.is(main(), output.commit);
    const order = readFileSync(at('calls'), 'utf8')
      .split('\n')
      .filter(line => /create|edit/.test(line))
      .map(line => line.split(' ')[2]);
    assert.equal(order, ['create', 'edit']);

    const manifest = JSON.parse(readFileSync(at('releases', BRANCH, 'manifest.json'), 'utf8'));
    manifest.indexes[0].url = basename(manifest.indexes[0].url); // as the asset is beside the manifest here
    mkdirSync(at('host'));
    writeFileSync(at('host/manifest.json'), JSON.stringify(manifest));
    cpSync(at('releases', BRANCH, ASSET), at('host', ASSET));
    const host = await serve(at('host'));
    try {
      const env = { FDNIX_RELEASES: host.url, FDNIX_RELEASES_KEY: stage.key.publicKey };
      const fetched = await fdnix(['fetch', '--json'], { home: at('user'), env });
      assert.is(fetched.code, 0, fetched.stderr);
      assert.is(JSON.parse(fetched.stdout).revision, NEW);
      assert.ok(readFileSync(at('user/index.sqlite')).equals(readFileSync(at('after/index.sqlite'))));
    } finally {
      await host.close();
    }

    const odd = await step(stage, 'prepare.sh', { CHANNEL: 'broken' });
    assert.is(odd.status, 1);
    assert.match(odd.stderr, /\/broken\/git-revision is no commit$/m);
    const still = await step(stage, 'prepare.sh');
    assert.is(still.status, 0, still.stderr);
    assert.match(still.stdout, /the channel has not moved/);
  },
);

rehearse(
  'where main has moved meanwhile, the pin is proposed; a key that no program pins publishes nothing',
  async stage => {
    const at = (...path: string[]) => join(stage.dir, ...path);
    const commit = execFileSync('git', ['commit-tree', '-m', 'elsewhere', 'HEAD^{tree}'], {
      ...{
        cwd: stage.work,
        encoding: 'utf8',
        env: {
          ...stage.env,
          GIT_AUTHOR_NAME: 'x',
          GIT_AUTHOR_EMAIL: 'x',
          GIT_COMMITTER_NAME: 'x',
          GIT_COMMITTER_EMAIL: 'x',
        },
      },
    }).trim();
    const published = await step(stage, 'publish.sh', { BRANCH, COMMIT: commit });
    assert.is(published.status, 0, published.stderr);
    assert.match(readFileSync(at('pulls'), 'utf8'), `--head ${BRANCH} --base main`);

    writeFileSync(join(stage.work, 'flake.lock'), lock(OLD));
    execFileSync(
      'git',
      ['-c', 'user.name=x', '-c', 'user.email=x@x', 'commit', '--quiet', '--all', '--message', 'back'],
      { cwd: stage.work },
    );
    rmSync(at('releases', BRANCH), { recursive: true });
    const other = await step(stage, 'prepare.sh', { INDEX_SIGNING_KEY: makeKey().secret });
    assert.is.not(other.status, 0);
    assert.match(other.stderr, /is signed by key [0-9A-F]{16}, which this fdnix does not know/);
    assert.not(existsSync(at('releases', BRANCH)));
  },
);

rehearse('a newer nixpkgs for the tools is proposed on a branch that is then checked', async stage => {
  const at = (...path: string[]) => join(stage.dir, ...path);
  writeFileSync(at('output'), '');
  execFileSync('git', ['checkout', '--quiet', '--force', 'main'], { cwd: stage.work });
  writeFileSync(at('lock'), JSON.stringify({ nodes: { nixpkgs: { locked: { rev: NEW } } } }));
  const { status, stderr } = await step(stage, 'update.sh');
  assert.is(status, 0, stderr);
  const commit = /^commit=([0-9a-f]{40})$/m.exec(readFileSync(at('output'), 'utf8'))![1]!;
  const pushed = execFileSync('git', ['-C', at('origin'), 'rev-parse', `nixpkgs-${NEW.slice(0, 12)}`], {
    encoding: 'utf8',
  });
  assert.is(pushed.trim(), commit);
  assert.match(readFileSync(at('pulls'), 'utf8'), `--head nixpkgs-${NEW.slice(0, 12)}`);
});

rehearse('a release offers its assets before the programs are pinned, by key, address and both hashes', async stage => {
  const at = (...path: string[]) => join(stage.dir, ...path);
  execFileSync('git', ['checkout', '--quiet', '--force', 'main'], { cwd: stage.work });
  writeFileSync(join(stage.work, 'nix/published-programs.json'), '{}\n');
  execFileSync('git', ['add', 'nix'], { cwd: stage.work });
  rmSync(join(stage.work, 'assets'), { recursive: true, force: true });
  mkdirSync(join(stage.work, 'assets'));
  writeFileSync(join(stage.work, 'assets/fdnix-programs-1.2.3.tar.zst'), 'the tarball');
  const script = ['.github/release/programs.sh', '1.2.3', 'assets/fdnix-programs-1.2.3.tar.zst'];
  const made = spawnSync('bash', script, { cwd: stage.work, encoding: 'utf8', env: stage.env });
  assert.is(made.status, 0, made.stderr);
  assert.match(readFileSync(at('calls'), 'utf8'), 'gh release create v1.2.3 --verify-tag --latest=false');
  const pins = JSON.parse(
    execFileSync('git', ['show', 'HEAD:nix/published-programs.json'], { cwd: stage.work, encoding: 'utf8' }),
  );
  assert.equal(pins, {
    ['k'.repeat(64)]: {
      url: 'https://github.com/fdnix/fdnix/releases/download/v1.2.3/fdnix-programs-1.2.3.tar.zst',
      hash: `sha256-${createHash('sha256').update('the tarball').digest('base64')}`,
      unpackedHash: 'sha256-unpacked',
    },
  });
});

rehearse('images of two architectures become one list each', async stage => {
  const at = (...path: string[]) => join(stage.dir, ...path);
  const digests = (arch: string) =>
    JSON.stringify({
      'fdnix-search': { digest: `sha256:${arch}-1`, architecture: arch },
      'fdnix-extract': { digest: `sha256:${arch}-2`, architecture: arch },
    });
  for (const arch of ['amd64', 'arm64']) writeFileSync(at(`${arch}.json`), digests(arch));
  const args = ['.github/release/images.sh', 'ghcr.io/x', '1.2.3', at('amd64.json'), at('arm64.json')];
  const { status, stdout, stderr } = spawnSync('bash', args, { cwd: stage.work, encoding: 'utf8', env: stage.env });
  assert.is(status, 0, stderr);
  assert.equal(JSON.parse(stdout), {
    'fdnix-extract': 'sha256:fdnix-extract-1.2.3',
    'fdnix-search': 'sha256:fdnix-search-1.2.3',
  });
  assert.match(
    readFileSync(at('lists'), 'utf8'),
    'buildx imagetools create --tag ghcr.io/x/fdnix-search:1.2.3 ghcr.io/x/fdnix-search@sha256:amd64-1 ghcr.io/x/fdnix-search@sha256:arm64-1',
  );
});

lint.run();
release.run();
