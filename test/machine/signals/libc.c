/* The same with a C library: handlers, threads, processes, as programs have them. */
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile sig_atomic_t sum;
static void add(int signal) { sum += signal; }
static void *in_thread(void *argument) {
  raise(SIGUSR1);
  return argument;
}

int main(void) {
  static const char child[] = "child\n";
  struct sigaction action;
  memset(&action, 0, sizeof(action));
  action.sa_handler = add;
  action.sa_flags = SA_RESTART;
  sigaction(SIGUSR1, &action, 0);
  sigaction(SIGCHLD, &action, 0);
  raise(SIGUSR1);
  pthread_t thread;
  if (pthread_create(&thread, 0, in_thread, 0) != 0 || pthread_join(thread, 0) != 0) return 3;
  pid_t pid = fork();
  if (pid == 0) _exit(write(1, child, sizeof(child) - 1) == sizeof(child) - 1 ? 3 : 4);
  int status = 0;
  if (waitpid(pid, &status, 0) != pid || WEXITSTATUS(status) != 3) return 4;
  if (sum != 2 * SIGUSR1 + SIGCHLD) return 5;
  abort();
}
