/** CPU milliseconds of this process so far: unlike the time on the wall, a busy machine does not stretch them. */
export function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}
