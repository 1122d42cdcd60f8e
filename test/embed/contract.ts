import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type Embedder, EmbedFailure } from '../../src/embed/embedder.ts';

/**
 * The tests that every provider of vectors must pass. `open` gives the same model each time; it knows all of `texts`.
 */
export function embedderContract(name: string, open: () => Promise<Embedder>, texts: readonly string[]): void {
  const test = suite(`embedder contract: ${name}`);
  const it = (what: string, body: (embedder: Embedder) => Promise<void>) =>
    test(what, async () => {
      const embedder = await open();
      try {
        await body(embedder);
      } finally {
        await embedder.close();
      }
    });
  const vectors = async (embedder: Embedder, of: readonly string[]) =>
    (await embedder.embed(of, 'document')).map(one => {
      assert.instance(one, Float32Array, one instanceof EmbedFailure ? one.reason : 'a vector');
      return one as Float32Array;
    });
  const cosine = (a: Float32Array, b: Float32Array) => a.reduce((sum, x, i) => sum + x * b[i]!, 0);

  it('it names itself without a path, and all that decides a vector by a digest', async embedder => {
    assert.match(embedder.id, /^(static|model2vec|onnx|bedrock):[^/\\]+$/);
    assert.match(embedder.digest, /^[0-9a-f]{64}$/);
    for (const number of [embedder.dimension, embedder.batchSize, embedder.concurrency])
      assert.ok(Number.isInteger(number) && number > 0, String(number));
    const again = await open();
    assert.equal([again.id, again.digest, again.dimension], [embedder.id, embedder.digest, embedder.dimension]);
    await again.close();
  });

  it('each text gets a vector of its dimension and of unit length', async embedder => {
    for (const vector of await vectors(embedder, texts)) {
      assert.is(vector.length, embedder.dimension);
      assert.ok(Math.abs(Math.hypot(...vector) - 1) < 1e-5);
    }
  });

  it('vectors come in the order of their texts, the same alone, in a batch and the next time', async embedder => {
    const forwards = await vectors(embedder, texts);
    const backwards = await vectors(embedder, [...texts].reverse());
    for (const [i, text] of texts.entries()) {
      const [alone] = await vectors(embedder, [text]);
      for (const other of [alone!, backwards[texts.length - 1 - i]!])
        assert.ok(cosine(forwards[i]!, other) > 1 - 1e-5, text);
    }
    assert.equal(await vectors(embedder, texts), forwards);
  });

  it('different texts have different vectors', async embedder => {
    const found = await vectors(embedder, texts);
    assert.is(new Set(found.map(vector => vector.join())).size, texts.length);
  });

  it('a query gets a vector or a reason as well, and no text gets none', async embedder => {
    const found = await embedder.embed([texts[0]!, '\0\ud800'], 'query');
    assert.is(found.length, 2);
    for (const one of found) assert.ok(one instanceof Float32Array || one.reason !== '');
    assert.equal(await embedder.embed([], 'document'), []);
  });

  test.run();
}
