"""Looking inside: what a trained network sees, and how its operations work, number by number.

Everything here is a plain function from arrays (or a network) to arrays and dicts; nothing here trains.

A trained network                                     One operation on a small grid
  probe.py      values and gradients of any layer       sizes.py      output size with the formula's numbers
  filters.py    filters before and after training       steps.py      convolution and pooling, step by step
  maps.py       feature maps, a filter on an image      unfold.py     im2col: the matrix and its windows
  excite.py     the inputs that excite a unit most      shift.py      what pooling does to a shifted image
  occlusion.py  what hurts when it is covered
  gradcam.py    where a class is seen                  Pictures and pages
  statistics.py histograms, dead ReLUs                  colours.py  pictures.py  charts.py  page.py
  receptive.py  how far a value sees                    run.py: all of it for a run folder (`tsumiki explain`)
"""
