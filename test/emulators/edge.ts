import { createServer, type IncomingMessage, request as send } from 'node:http';
import { listen, type Service } from './listen.ts';

/** The address of each service, by its name in a signature's scope. */
export type Targets = Record<string, string>;

/**
 * One port for several services, as LocalStack has it: each request goes to the service that its signature is for
 * (`Credential=KEY/DATE/REGION/SERVICE/aws4_request`, AWS Signature Version 4). Bodies are passed on as they come.
 */
export function startEdge(targets: Targets, port = 0): Promise<Service> {
  const server = createServer((incoming, response) => {
    const service = serviceOf(incoming);
    const target = service === null ? undefined : targets[service];
    if (target === undefined) {
      const known = Object.keys(targets).join(', ');
      response.writeHead(service === null ? 403 : 501, { 'content-type': 'text/plain' });
      response.end(
        service === null
          ? 'the request is not signed, so that no service can be told from it\n'
          : `there is no ${service} here, only ${known}\n`,
      );
      return;
    }
    const { hostname, port } = new URL(target);
    const { method, url, headers } = incoming;
    const outgoing = send({ hostname, port, method, path: url, headers }, reply => {
      response.writeHead(reply.statusCode!, reply.headers);
      reply.pipe(response);
    });
    outgoing.on('error', () => response.destroy());
    response.on('close', () => outgoing.destroy());
    incoming.pipe(outgoing);
  });
  return listen(server, port);
}

function serviceOf({ headers }: IncomingMessage): string | null {
  return /Credential=[^/]+\/\d{8}\/[^/]+\/([\w-]+)\/aws4_request/.exec(headers.authorization ?? '')?.[1] ?? null;
}
