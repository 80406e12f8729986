#include <shoal/run.h>

int main(int argc, char **argv) {
    return shoal_main(argc, argv);
}
