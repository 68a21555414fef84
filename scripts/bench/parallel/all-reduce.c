/*
 * What the MPI engine is compared with: the same calls from C. all-reduce BYTES REPETITIONS prints, on rank 0, the seconds of each
 * repetition on the slowest rank: first those of MPI_Iallreduce, tested until it has ended, then those of MPI_Allreduce.
 */
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>

static double all_reduce(float *data, int count, int waits) {
  MPI_Barrier(MPI_COMM_WORLD);
  double start = MPI_Wtime();
  if (waits) {
    MPI_Allreduce(MPI_IN_PLACE, data, count, MPI_FLOAT, MPI_SUM, MPI_COMM_WORLD);
  } else {
    MPI_Request request;
    int ended = 0;
    MPI_Iallreduce(MPI_IN_PLACE, data, count, MPI_FLOAT, MPI_SUM, MPI_COMM_WORLD, &request);
    while (!ended) MPI_Test(&request, &ended, MPI_STATUS_IGNORE);
  }
  double own = MPI_Wtime() - start, slowest = 0;
  MPI_Reduce(&own, &slowest, 1, MPI_DOUBLE, MPI_MAX, 0, MPI_COMM_WORLD);
  return slowest;
}

int main(int argc, char **argv) {
  if (argc != 3) return 2;
  int count = (int)(atol(argv[1]) / (long)sizeof(float)), repetitions = atoi(argv[2]), provided, rank;
  MPI_Init_thread(&argc, &argv, MPI_THREAD_FUNNELED, &provided);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  float *data = malloc(count * sizeof(float));
  if (!data) MPI_Abort(MPI_COMM_WORLD, 1);
  for (int waits = 0; waits < 2; waits++) {
    /* The first one touches memory and makes connections. */
    for (int n = -1; n < repetitions; n++) {
      for (int i = 0; i < count; i++) data[i] = 1;
      double seconds = all_reduce(data, count, waits);
      if (rank == 0 && n >= 0) printf("%s%.9f", n ? " " : "", seconds);
    }
    if (rank == 0) printf("\n");
  }
  free(data);
  MPI_Finalize();
  return 0;
}
