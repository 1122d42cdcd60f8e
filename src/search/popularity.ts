import { FLAG } from '../index/columns.ts';
import type { Index } from '../index/open.ts';
import { modulesNaming } from '../index/renown.ts';
import { words } from '../index/tokens.ts';
import { setAndLeaf } from '../index/variants.ts';
import type { Popularity } from './popularity-text.ts';
import { variantsOf } from './siblings.ts';

/** Documents with a name that are counted: more only says that the name is an ordinary word. */
const MAX_MENTIONS = 5000;

/** The facts of one document. Those of all its variants are one, as in ranking. */
export function popularityOf(index: Index, doc: number): Popularity {
  const { columns, groups } = index;
  const canonical = groups[doc]!;
  const variants = [canonical, ...variantsOf(index, canonical)];
  const name = words(setAndLeaf(index.name(doc))[1]);
  const naming = new Set<number>();
  for (const other of name.length > 0 ? index.phrase(name, MAX_MENTIONS) : [])
    if (groups[other] !== canonical && (columns.flags[other]! & FLAG.option) === 0) naming.add(groups[other]!);
  return {
    modules: Math.max(...variants.map(variant => modulesNaming(index.name(variant)))),
    mentions: naming.size,
    usage: [...new Set(index.usage(canonical).map(({ source }) => source))],
  };
}
