import { environment } from '../config.ts';
import { EXIT, UserError } from '../errors.ts';
import { answerLambda } from '../http/runtime.ts';
import { command } from './command.ts';
import { embedWhatIsThere } from './embed.ts';

/**
 * Milliseconds before Lambda would end the function. Work that stops by itself keeps what is finished and gives the lease
 * back; after a kill the next embedder would have to wait until the lease expires.
 */
const MARGIN = 30_000;

/**
 * The event-driven form of `embed`: a Lambda function behind the table's stream. An event is only a wake-up. The list
 * of work is read from the store, so an event that comes twice or late, or that stands for many changes, either finds
 * the work done or does it. A failure is reported to Lambda, which sends the event again.
 */
export default command({
  usage: 'changes',
  options: {},
  examples: [['$0 changes', 'in the embedding image, as the command of the function']],
  untilInterrupted: true,
  async run(args, context) {
    const { lambdaApi } = environment();
    if (!lambdaApi)
      throw new UserError(
        "AWS_LAMBDA_RUNTIME_API is not set: this runs as a Lambda function; elsewhere use 'fdnix embed'",
      );
    const handle = async (_event: unknown, deadline: number) => {
      const late = new AbortController();
      const left = deadline - Date.now() - MARGIN;
      const timer = Number.isFinite(left) ? setTimeout(() => late.abort(), Math.max(0, left)) : undefined;
      try {
        const signal = AbortSignal.any([context.signal, late.signal]);
        const code = await embedWhatIsThere({ json: args.json }, { ...context, signal });
        late.signal.throwIfAborted();
        // Texts that the model refuses are marked as refused. Trying them again would change nothing.
        if (code !== EXIT.ok && code !== EXIT.incomplete) throw new Error(`embedding ended with status ${code}`);
        return { status: code };
      } catch (error) {
        if (!late.signal.aborted) throw error;
        throw new Error(
          'the time of the function was over before all was embedded, perhaps because it waited for another embedder; what is finished is kept, and the event comes again',
        );
      } finally {
        clearTimeout(timer);
      }
    };
    await answerLambda(lambdaApi, handle, context.signal);
    return EXIT.ok;
  },
});
