"""Real data that the package carries, and pictures of any kind that a learner brings.

emoji       1,586 concepts in four art styles, with words
clipart     the same kinds of things by other hands: a shifted domain
digits      handwritten and spoken (synthetic) digits, paired by what they say
smartwatch  exercises felt by an accelerometer and a gyroscope, split by person

Data sets to fetch, in the folders that their authors publish; read by the loaders through ``folders``:

cremad      acted emotions, seen and heard
food101     dishes and the titles of their web pages
mvsa        tweets with pictures and their sentiment
iemocap     emotions heard, seen and read, as extracted features

Import from the modules: ``from mmatl_lab.data.emoji import load_emoji``.
"""
