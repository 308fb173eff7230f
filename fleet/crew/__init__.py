"""Technicians: who goes where. Pure: the fleet and what is assigned already go in, a plan with its reasons comes out."""

from fleet.crew.assign import CrewPlan, distance_to, is_usable, plan_crew
from fleet.crew.distance import haversine_km
from fleet.crew.workload import Workload, workloads

__all__ = ["CrewPlan", "Workload", "distance_to", "haversine_km", "is_usable", "plan_crew", "workloads"]
