/** Which rank holds which stage. */

/** Round and round: stage s on rank s mod P (Narayanan et al. 2021, arXiv:2104.04473). One stage per rank is the plain pipeline. */
export function loopPlacement(ranks: number, stagesPerRank: number): number[] {
  return Array.from({ length: ranks * stagesPerRank }, (_, stage) => stage % ranks);
}

/** Down and up again, two stages per rank: the first rank holds the first and the last stage (Qi et al. 2024, arXiv:2405.15362). */
export function vPlacement(ranks: number): number[] {
  return Array.from({ length: 2 * ranks }, (_, stage) => (stage < ranks ? stage : 2 * ranks - 1 - stage));
}
