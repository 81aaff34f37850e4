"""Idle actors wait for the next stack, and are all given up at the end."""

from ray.tune.execution import tune_controller

from tune_noise.tuning.idle_actors import keep_idle_actors


def test_idle_actors_are_kept_while_there_is_room_and_given_up_together() -> None:
    room = 3
    keep_idle_actors(lambda: room)
    # As Ray Tune makes it, and as it uses it at the end of each of its steps.
    cache = tune_controller._ObjectCache(may_keep_one=True)
    assert [cache.cache_object("one slot", actor) for actor in "abcd"] == [True] * 3 + [False]
    assert list(cache.flush_cached_objects()) == []
    assert cache.num_cached_objects == 3
    assert cache.pop_cached_object("one slot") == "a"
    room = 1
    assert list(cache.flush_cached_objects()) == ["b"]
    assert list(cache.flush_cached_objects(force_all=True)) == ["c"]
    assert cache.num_cached_objects == 0


def test_an_actor_that_a_trial_is_about_to_take_is_kept_without_room() -> None:
    keep_idle_actors(lambda: 0)
    cache = tune_controller._ObjectCache(may_keep_one=True)
    cache.increase_max("one slot")
    assert cache.cache_object("one slot", "a")
    assert list(cache.flush_cached_objects()) == []
    cache.decrease_max("one slot")
    assert list(cache.flush_cached_objects()) == ["a"]


def test_it_is_where_ray_tune_takes_its_cache_from() -> None:
    keep_idle_actors(lambda: 0)
    names = tune_controller.TuneController.__init__.__code__.co_names
    assert "_ObjectCache" in names
    assert "_actor_cache" in names
