# API releases, oldest first. The order is the order of comparison: a field, type, value or
# property that a release does not know is never sent to a client of that release.
#
# "advertised" is the release that this host says it speaks; newer ones are only understood.

versions {
    2.0; 2.5; 2.5u2; 2.5u2server; 4.0; 4.1; 5.0; 5.1; 5.5; 6.0; 6.5; 6.7; 6.7.1; 6.7.2; 6.7.3;
    6.8.7; 6.9.1; 7.0.0.0; 7.0.0.2; 7.0.1.0; 7.0.1.1; 7.0.2.0; 7.0.2.1; 7.0.3.0; 7.0.3.1; 7.0.3.2;
    8.0.0.0; 8.0.0.1; 8.0.0.2; 8.0.1.0; 8.0.2.0; 8.0.3.0 advertised; 8.0.3.1; 9.0.0.0; 9.1.0.0;
}
