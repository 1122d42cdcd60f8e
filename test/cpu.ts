/** CPU milliseconds of this process so far. Unlike wall time, a busy machine does not stretch them. */
export function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}
