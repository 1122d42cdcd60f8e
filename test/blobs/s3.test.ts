import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openS3 } from '../../src/blobs/s3.ts';
import { EXIT } from '../../src/errors.ts';
import { freshName, pointAt } from '../emulators/environment.ts';
import { startS3 } from '../emulators/s3.ts';
import { rejects } from '../rejects.ts';
import { blobsContract } from './contract.ts';

const saved = { ...process.env };
const fake = await startS3();
const open = async (target = freshName()) => {
  const blobs = await openS3(target);
  await blobs.init();
  return blobs;
};

blobsContract('s3', () => {
  pointAt({ s3: fake.url });
  return open();
});
blobsContract('s3 with a prefix', () => open(`${freshName()}/some/where/`));

const own = suite('s3');

own('init creates the bucket once, and other commands ask for it', async () => {
  const bucket = freshName();
  const blobs = await openS3(bucket);
  const message = await rejects(blobs.get('x'));
  assert.match(message, new RegExp(`no bucket ${bucket} \\(S3_BUCKET\\) .* fdnix init --blobs s3://${bucket}$`));
  assert.is(await blobs.init(), true);
  assert.is(await blobs.init(), false);
  await blobs.close();
});

own('every object has its sha256 stored with it', async () => {
  const bucket = freshName();
  const blobs = await open(`${bucket}/p`);
  await blobs.put('x', Buffer.from('one'));
  const { checksums } = fake.objects.get(`${bucket}/p/x`)!;
  assert.is(checksums['x-amz-checksum-sha256'], 'dpLDrTVAu4A8Ags67mbNiIcSMjTqDG5xQ8Ct1z/0Me0=');
  await blobs.close();
});

own('bytes that are not those stored are refused, by name', async () => {
  const bucket = freshName();
  const blobs = await openS3(bucket, { patience: { base: 1, cap: 2 } });
  await blobs.init();
  await blobs.put('x', Buffer.from('one'));
  fake.objects.get(`${bucket}/x`)!.bytes = Buffer.from('two');
  const message = await rejects(blobs.get('x'), EXIT.brokenOff);
  assert.match(message, /s3:GetObject of x on bucket .* failed .*Checksum mismatch.*, 5 attempts/);
  await blobs.close();
});

own.after(() => fake.close());
own.run();

const bucket = process.env.FDNIX_TEST_S3_BUCKET;
if (!bucket) console.log('skipped: s3 at AWS, FDNIX_TEST_S3_BUCKET names no bucket');
else
  blobsContract('s3 at AWS', () => {
    for (const name in process.env) if (name.startsWith('AWS_')) delete process.env[name];
    Object.assign(process.env, saved);
    return openS3(`${bucket}/${freshName()}`);
  });
