import subprocess
import sys

from fleet.demo.measure import Cost, MemoryWatch


def test_memory_of_a_process_that_was_started_counts_too() -> None:
    with MemoryWatch() as alone:
        pass
    hold = "import sys; held = b'x' * 50_000_000; print('held', flush=True); sys.stdin.read()"
    with subprocess.Popen((sys.executable, "-c", hold), stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout
        child.stdout.readline()

        with MemoryWatch() as together:
            pass

        child.communicate()
    assert together.peak_bytes > alone.peak_bytes + 40_000_000


def test_cpu_is_counted_for_each_terminal() -> None:
    cost = Cost(wall_s=60, own_cpu_s=15, far_cpu_s=60, peak_bytes=1, terminals=1500)

    assert (cost.own_cpu_ms, cost.far_cpu_ms) == (10, 40)
